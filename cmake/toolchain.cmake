# Compiler, linker and the libraries that more than one module uses.
find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_C_COMPILER_LAUNCHER ${CCACHE})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE})
endif()
find_program(MOLD mold)
if(MOLD AND NOT CMAKE_CROSSCOMPILING)
  add_link_options(-fuse-ld=mold)
endif()

add_library(df_flags INTERFACE)
target_compile_options(df_flags INTERFACE -Wall -Wextra -Wshadow -Wnon-virtual-dtor -Wno-missing-field-initializers -Werror -fno-strict-aliasing
                                          -fstack-protector-strong)
target_include_directories(df_flags INTERFACE ${PROJECT_SOURCE_DIR}/src)
if(DF_SANITIZE)
  add_compile_options(-fsanitize=${DF_SANITIZE} -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${DF_SANITIZE})
  # With its checks in between, g++ 12 sees uninitialised optionals in Boost that are none.
  target_compile_options(df_flags INTERFACE $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)
  if(DF_SANITIZE STREQUAL "thread")
    target_compile_options(df_flags INTERFACE -Wno-tsan)
  endif()
else()
  target_compile_definitions(df_flags INTERFACE $<$<CONFIG:Release>:_FORTIFY_SOURCE=2>)
endif()
if(DF_FUZZ)
  # clang 14 cannot combine the function check with coroutines ("difference across sections").
  add_compile_options(-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined -fno-sanitize=function)
  add_link_options(-fsanitize=address,undefined)
endif()

if(CMAKE_SIZEOF_VOID_P EQUAL 4)
  # Files beyond 2 GiB, times beyond 2038; and readdir fails without it where an inode's number is a large one.
  add_compile_definitions(_FILE_OFFSET_BITS=64 _TIME_BITS=64)
  link_libraries(atomic)  # ARMv5 has no instruction for 64 bits at once.
endif()

find_package(Threads REQUIRED)
if(NOT CMAKE_CROSSCOMPILING)  # Only its headers are used, which every processor shares.
  find_package(fmt REQUIRED)
endif()
find_package(tl-expected REQUIRED)
if(NOT DF_AGENT_ONLY)
  find_package(OpenSSL 3 REQUIRED)
  find_package(Boost 1.81 REQUIRED COMPONENTS url json)
  find_package(RocksDB REQUIRED)
  find_package(ZLIB REQUIRED)
  find_package(CURL REQUIRED)
  find_package(yaml-cpp REQUIRED)
  find_package(CLI11 REQUIRED)
endif()
if(DF_TESTS)
  find_package(GTest REQUIRED)
endif()
if(DF_BENCH)
  find_package(benchmark REQUIRED)
endif()

# See the file's head. Without locales: they would be half of the agent.
add_library(df_fmt STATIC ${PROJECT_SOURCE_DIR}/src/base/core/fmt_library.cc)
target_compile_definitions(df_fmt PUBLIC FMT_STATIC_THOUSANDS_SEPARATOR)

# Debian's mbedTLS ships no CMake configuration; the agent links its static archive.
add_library(df_mbedcrypto INTERFACE)
target_link_libraries(df_mbedcrypto INTERFACE libmbedcrypto.a)
# Where it is for another processor: scripts/cross_sysroot.
set(DF_SYSROOT "" CACHE PATH "Libraries for the processor that is built for")
if(DF_SYSROOT)
  file(GLOB df_library_directories ${DF_SYSROOT}/usr/lib/*-linux-*)
  target_link_directories(df_mbedcrypto INTERFACE ${df_library_directories})
endif()
add_library(df_mbedtls INTERFACE)
target_link_libraries(df_mbedtls INTERFACE libmbedtls.a libmbedx509.a df_mbedcrypto)
