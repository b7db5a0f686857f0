# native/fuzz/*_fuzz.cc: one libFuzzer executable each, in out/fuzz/fuzz.

if(NOT CMAKE_CXX_COMPILER_ID MATCHES "Clang")
  message(FATAL_ERROR "libFuzzer comes with clang: configure with --preset fuzz")
endif()

# The libraries are instrumented for coverage too; only the targets get libFuzzer's main().
foreach(library ur_core ur_hpks ur_control ur_feed ur_mpegts ur_rtmp ur_srt)
  target_compile_options(${library} PRIVATE -fsanitize=fuzzer-no-link)
endforeach()

# What the targets share with the tests; the rest of native/test/support needs GoogleTest.
add_library(ur_fuzz_support STATIC
  native/test/support/redzones.cc native/test/support/server_side.cc)
ur_warnings(ur_fuzz_support)
target_compile_options(ur_fuzz_support PRIVATE -fsanitize=fuzzer-no-link)
target_link_libraries(ur_fuzz_support PUBLIC ur_core)

ur_sources(native/fuzz *_fuzz.cc targets)
add_custom_target(fuzz_targets)
foreach(source IN LISTS targets)
  cmake_path(GET source STEM name)
  add_executable(${name} ${source})
  ur_warnings(${name})
  # The libraries have no type information for vptr to look at.
  target_compile_options(${name} PRIVATE -fsanitize=fuzzer -fno-sanitize=vptr)
  target_link_options(${name} PRIVATE -fsanitize=fuzzer)
  target_link_libraries(${name} PRIVATE ur_fuzz_support ur_core ur_hpks ur_control
    ur_mpegts ur_rtmp ur_srt)
  set_target_properties(${name} PROPERTIES
    RUNTIME_OUTPUT_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR}/fuzz)
  add_dependencies(fuzz_targets ${name})
endforeach()
