# native/test/*_test.cc: one GoogleTest executable each; every TEST is a CTest test of its own.

find_package(GTest REQUIRED)
include(GoogleTest)
enable_testing()

# Undefined behaviour is looked for in what is tested; in GoogleTest's assertions that takes three times
# as long to compile.
function(ur_test_options target)
  ur_warnings(${target})
  if(UR_SANITIZE MATCHES "undefined")
    target_compile_options(${target} PRIVATE -fno-sanitize=undefined)
  endif()
endfunction()

ur_sources(native/test/support *.cc support)
if(support)
  add_library(ur_test_support STATIC ${support})
  ur_test_options(ur_test_support)
  target_link_libraries(ur_test_support PUBLIC ur_capi ur_core ur_hpks ur_control GTest::gtest)
endif()

ur_sources(native/test *_test.cc tests)
add_custom_target(native_tests)
foreach(source IN LISTS tests)
  cmake_path(GET source STEM name)
  add_executable(${name} ${source})
  ur_test_options(${name})
  target_link_libraries(${name} PRIVATE
    $<TARGET_NAME_IF_EXISTS:ur_test_support> ur_capi ur_core ur_hpks ur_control ur_srt
    ur_mpegts ur_rtmp $<TARGET_NAME_IF_EXISTS:ur_rtmp_engine> GTest::gtest_main)
  if(name MATCHES "^srt_engine" AND TARGET ur_srt_engine)
    target_include_directories(${name} SYSTEM PRIVATE ${UR_SRT_INCLUDE})
    target_link_libraries(${name} PRIVATE ur_srt_engine)
    target_compile_definitions(${name} PRIVATE UR_SRT)
  endif()
  # GoogleTest is parsed once, for the first of them.
  if(first_test)
    target_precompile_headers(${name} REUSE_FROM ${first_test})
  else()
    target_precompile_headers(${name} PRIVATE
      <gtest/gtest.h> <memory> <random> <string> <thread> <vector>)
    set(first_test ${name})
  endif()
  # Kept out of the sanitizer builds' compile time: the list is read when the tests run.
  gtest_discover_tests(${name} DISCOVERY_MODE PRE_TEST DISCOVERY_TIMEOUT 60
    TEST_PREFIX "${name}." PROPERTIES TIMEOUT 120)
  add_dependencies(native_tests ${name})
endforeach()
