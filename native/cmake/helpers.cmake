# The rules every target of the project follows.

# Sources of one folder, never of its subfolders. A new file is picked up by the next build.
function(ur_sources folder pattern result)
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${folder}/${pattern})
  set(${result} ${sources} PARENT_SCOPE)
endfunction()

# The folder of an npm package, wherever npm has hoisted it.
function(ur_node_package name result)
  execute_process(
    COMMAND node -p "path.dirname(require.resolve('${name}/package.json'))"
    WORKING_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR}
    OUTPUT_VARIABLE folder OUTPUT_STRIP_TRAILING_WHITESPACE
    ERROR_QUIET RESULT_VARIABLE failed)
  if(failed)
    message(FATAL_ERROR "The npm package ${name} is not installed: run 'npm ci' first.")
  endif()
  set(${result} ${folder} PARENT_SCOPE)
endfunction()

function(ur_warnings target)
  target_compile_options(${target} PRIVATE
    -Wall -Wextra -Wshadow -Wconversion -Wnon-virtual-dtor -Woverloaded-virtual
    $<$<BOOL:${UR_WERROR}>:-Werror>)
  if(UR_SANITIZE MATCHES "thread" AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # TSan does not model fences, and GCC warns at each: a fence may only order, never synchronize.
    target_compile_options(${target} PRIVATE -Wno-tsan)
  endif()
endfunction()

# A static library of one folder's sources.
function(ur_library target folder)
  ur_sources(${folder} *.cc sources)
  add_library(${target} STATIC ${sources})
  ur_warnings(${target})
  target_include_directories(${target} PUBLIC ${CMAKE_CURRENT_SOURCE_DIR}/native)
  target_compile_options(${target} PRIVATE
    -fno-exceptions -fno-rtti -ffunction-sections -fdata-sections)
  # The processor is asked at run time; only these files may use what it might not have.
  if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64)$")
    set(avx2 ${sources})
    list(FILTER avx2 INCLUDE REGEX "_avx2\\.cc$")
    set_source_files_properties(${avx2} PROPERTIES COMPILE_OPTIONS -mavx2)
  endif()
endfunction()
