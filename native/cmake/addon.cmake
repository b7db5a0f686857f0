# upload_response.node: the only target that sees Node's headers.

ur_sources(native/napi *.cc sources)
ur_node_package(node-addon-api addon_api)
ur_node_package(node-api-headers api_headers)

add_library(upload_response MODULE ${sources})
ur_warnings(upload_response)
target_include_directories(upload_response SYSTEM PRIVATE ${addon_api} ${api_headers}/include)
target_compile_definitions(upload_response PRIVATE
  NAPI_VERSION=8 NAPI_DISABLE_CPP_EXCEPTIONS NODE_ADDON_API_DISABLE_DEPRECATED
  NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS NODE_GYP_MODULE_NAME=upload_response)
target_compile_options(upload_response PRIVATE
  -fno-exceptions -fno-rtti -ffunction-sections -fdata-sections)
target_link_libraries(upload_response PRIVATE ur_core ur_hpks ur_control ur_rtmp ur_srt)
if(TARGET ur_rtmp_engine)
  target_link_libraries(upload_response PRIVATE ur_rtmp_engine)
  target_compile_definitions(upload_response PRIVATE UR_RTMP_ENGINE)
endif()
if(TARGET ur_srt_engine)
  target_link_libraries(upload_response PRIVATE ur_srt_engine)
  target_compile_definitions(upload_response PRIVATE UR_SRT)
endif()
set_target_properties(upload_response PROPERTIES PREFIX "" SUFFIX ".node")

# node-gyp-build and prebuildify look into build/Release for the one .node file there. The presets
# must not put theirs into the same place.
if(DEFINED CMAKE_JS_VERSION)
  set_target_properties(upload_response PROPERTIES
    LIBRARY_OUTPUT_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR}/build/$<CONFIG>)
endif()

if(APPLE)
  target_link_options(upload_response PRIVATE -undefined dynamic_lookup -Wl,-dead_strip)
else()
  # A prebuilt binary must not ask for a newer libstdc++ than the machine has, and must not mix
  # its symbols with those of Node or of another addon.
  target_link_options(upload_response PRIVATE
    -static-libstdc++ -static-libgcc -Wl,--gc-sections -Wl,--exclude-libs,ALL
    -Wl,--version-script=${CMAKE_CURRENT_SOURCE_DIR}/native/napi/exports.map
    $<$<CONFIG:Release>:-s>)
  set_target_properties(upload_response PROPERTIES
    LINK_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/native/napi/exports.map)
endif()
