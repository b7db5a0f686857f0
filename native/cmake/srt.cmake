# The SRT engine, where libsrt can be linked in: Debian's libsrt-gnutls-dev and nettle-dev. Both are
# linked statically, so that the addon loads where neither is installed.

ur_library(ur_srt native/srt)
target_link_libraries(ur_srt PUBLIC ur_core)

option(UR_SRT "Link libsrt into the addon where it is found" ON)
if(UR_SRT AND (UR_ADDON OR UR_BENCHMARKS OR UR_TESTS))
  # Looked for again by each build: installing the package is enough.
  unset(UR_LIBSRT CACHE)
  unset(UR_NETTLE CACHE)
  unset(UR_SRT_INCLUDE CACHE)
  find_library(UR_LIBSRT libsrt-gnutls.a)
  find_library(UR_NETTLE libnettle.a)
  find_path(UR_SRT_INCLUDE srt/srt.h)
  if(UR_LIBSRT AND UR_NETTLE AND UR_SRT_INCLUDE)
    ur_library(ur_srt_engine native/srt/engine)
    target_include_directories(ur_srt_engine SYSTEM PRIVATE ${UR_SRT_INCLUDE})
    target_link_libraries(ur_srt_engine PUBLIC ur_srt ur_feed ur_mpegts ${UR_LIBSRT} ${UR_NETTLE})
    # libsrt comes after the archive that has it.
    target_link_options(ur_srt_engine INTERFACE LINKER:--undefined=gnutls_rnd)
    message(STATUS "SRT: ${UR_LIBSRT}, ${UR_NETTLE}")
  else()
    message(STATUS "SRT: not built, libsrt-gnutls.a or libnettle.a is missing")
  endif()
endif()
