# bench/native/*.cc and bench/media/rtmp_*.cc: one executable each, in out/<preset>/bench; bench/media/srt_*.cc
# too, where libsrt is found. bench/native/support is shared.

ur_sources(bench/native/support *.cc support)
if(support)
  add_library(ur_bench_support STATIC ${support})
  ur_warnings(ur_bench_support)
  target_include_directories(ur_bench_support PUBLIC ${CMAKE_CURRENT_SOURCE_DIR}/bench/native)
  target_link_libraries(ur_bench_support PUBLIC ur_core ur_hpks ur_control)
endif()

ur_sources(bench/native *.cc benchmarks)
ur_sources(bench/media rtmp_*.cc rtmp_benchmarks)
if(TARGET ur_srt_engine)
  ur_sources(bench/media srt_*.cc srt_benchmarks)
endif()
add_custom_target(benchmarks)
foreach(source IN LISTS benchmarks rtmp_benchmarks srt_benchmarks)
  cmake_path(GET source STEM name)
  add_executable(${name} ${source})
  ur_warnings(${name})
  target_link_libraries(${name} PRIVATE
    $<TARGET_NAME_IF_EXISTS:ur_bench_support> ur_core ur_hpks ur_control ur_rtmp)
  set_target_properties(${name} PROPERTIES
    RUNTIME_OUTPUT_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR}/bench)
  add_dependencies(benchmarks ${name})
  if(source IN_LIST srt_benchmarks)
    target_include_directories(${name} SYSTEM PRIVATE ${UR_SRT_INCLUDE})
    target_link_libraries(${name} PRIVATE ur_srt_engine)
  endif()
endforeach()
