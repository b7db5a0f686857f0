# libupload_response, static and shared, and its header: upload_response.h of native/capi with the
# errors in it. It needs neither Node nor its headers.

include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

# The version of the interface is the header's alone.
file(STRINGS native/capi/upload_response.h abi REGEX "^#define UR_ABI_VERSION [0-9]+$")
string(REGEX MATCH "[0-9]+" UR_SOVERSION "${abi}")

# One header for who installs it.
set(header ${CMAKE_CURRENT_BINARY_DIR}/include/upload_response.h)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS
  native/capi/upload_response.h native/capi/errors.gen.h)
file(READ native/capi/upload_response.h text)
file(READ native/capi/errors.gen.h errors)
string(REPLACE "#include \"errors.gen.h\"\n" "${errors}" text "${text}")
file(CONFIGURE OUTPUT ${header} CONTENT "${text}" @ONLY)

# Exceptions are caught at the interface, which is why this part has them.
ur_sources(native/capi *.cc sources)
add_library(ur_capi STATIC ${sources})
ur_warnings(ur_capi)
target_include_directories(ur_capi PUBLIC ${CMAKE_CURRENT_SOURCE_DIR}/native)
target_compile_options(ur_capi PRIVATE -ffunction-sections -fdata-sections)
target_link_libraries(ur_capi PUBLIC ur_core ur_hpks ur_control)

foreach(kind SHARED STATIC)
  string(TOLOWER ${kind} suffix)
  set(target upload_response_${suffix})
  add_library(${target} ${kind} $<TARGET_OBJECTS:ur_capi> $<TARGET_OBJECTS:ur_control>
    $<TARGET_OBJECTS:ur_hpks> $<TARGET_OBJECTS:ur_core>)
  target_include_directories(${target} INTERFACE
    $<BUILD_INTERFACE:${CMAKE_CURRENT_BINARY_DIR}/include>
    $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  target_link_libraries(${target} PRIVATE Threads::Threads)
  set_target_properties(${target} PROPERTIES
    OUTPUT_NAME upload_response EXPORT_NAME ${suffix} LINKER_LANGUAGE CXX
    ARCHIVE_OUTPUT_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR}/lib
    LIBRARY_OUTPUT_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR}/lib)
endforeach()
set_target_properties(upload_response_shared PROPERTIES
  VERSION ${UR_VERSION} SOVERSION ${UR_SOVERSION})
if(NOT APPLE)
  # Asks for no newer libstdc++ than the machine has, and shows nothing but the interface.
  set(exports ${CMAKE_CURRENT_SOURCE_DIR}/native/capi/exports.map)
  target_link_options(upload_response_shared PRIVATE
    -static-libstdc++ -static-libgcc -Wl,--gc-sections -Wl,--exclude-libs,ALL -Wl,-z,defs
    -Wl,--version-script=${exports} $<$<CONFIG:Release>:-s>)
  set_target_properties(upload_response_shared PROPERTIES LINK_DEPENDS ${exports})
endif()

install(TARGETS upload_response_shared upload_response_static EXPORT upload_response)
install(FILES ${header} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
set(package ${CMAKE_INSTALL_LIBDIR}/cmake/upload_response)
install(EXPORT upload_response NAMESPACE upload_response:: DESTINATION ${package}
  FILE upload_response-targets.cmake)
configure_package_config_file(native/cmake/upload_response-config.cmake.in
  ${CMAKE_CURRENT_BINARY_DIR}/upload_response-config.cmake INSTALL_DESTINATION ${package})
write_basic_package_version_file(
  ${CMAKE_CURRENT_BINARY_DIR}/upload_response-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/upload_response-config.cmake
  ${CMAKE_CURRENT_BINARY_DIR}/upload_response-config-version.cmake DESTINATION ${package})
configure_file(native/cmake/upload_response.pc.in
  ${CMAKE_CURRENT_BINARY_DIR}/upload_response.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/upload_response.pc
  DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
