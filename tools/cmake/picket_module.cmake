# picket_module(<path> SOURCES … [TESTS …] [BENCHES …] [ALONE …] [LINKS …] [TEST_LINKS …])
#
# A module is a folder: its path is its namespace, its target and its include path. picket/wire becomes the static
# library picket_wire, known as picket::wire; its tests become picket_wire_tests. LINKS are public and are what the module
# may use; TEST_LINKS are for tests and benchmarks only. ALONE: sources and tests whose own names another file of the module
# has too; they are not compiled together with others.
function(picket_module path)
  cmake_parse_arguments(M "" "" "SOURCES;TESTS;BENCHES;ALONE;LINKS;TEST_LINKS" ${ARGN})
  string(REPLACE "/" "_" target "${path}")
  string(REPLACE "/" "::" alias "${path}")
  if(M_SOURCES)
    add_library(${target} STATIC ${M_SOURCES})
    set(scope PUBLIC)
  else()
    add_library(${target} INTERFACE)
    set(scope INTERFACE)
  endif()
  add_library(${alias} ALIAS ${target})
  set_source_files_properties(${M_ALONE} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
  target_include_directories(${target} ${scope} "${PROJECT_SOURCE_DIR}")
  target_compile_features(${target} ${scope} cxx_std_23)
  target_link_libraries(${target} ${scope} ${M_LINKS})
  if(M_SOURCES)
    picket_precompile(${target})
  endif()
  if(path MATCHES "^picket/")  # what picket_library.cmake makes one library of
    list(TRANSFORM M_SOURCES PREPEND "${CMAKE_CURRENT_SOURCE_DIR}/")
    set_property(GLOBAL APPEND PROPERTY PICKET_LIBRARY_SOURCES ${M_SOURCES})
  endif()
  if(PICKET_TESTS AND M_TESTS)
    picket_test(${target}_tests SOURCES ${M_TESTS} LINKS ${alias} ${M_TEST_LINKS})
  endif()
  if(PICKET_BENCH AND M_BENCHES)
    add_executable(${target}_bench ${M_BENCHES})
    target_link_libraries(${target}_bench PRIVATE ${alias} ${M_TEST_LINKS} picket_bench benchmark::benchmark
                          benchmark::benchmark_main)
  endif()
endfunction()

# picket_precompiled_headers(<target> HEADER…): headers that others take from <target>, compiled once.
function(picket_precompiled_headers target)
  add_library(${target} OBJECT "${CMAKE_CURRENT_FUNCTION_LIST_DIR}/precompiled.cpp")
  picket_precompiled_headers_of(${target} ${ARGN})
endfunction()

# The same for a target that is the only one to use them.
function(picket_precompiled_headers_of target)
  target_precompile_headers(${target} PRIVATE ${ARGN})
  if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
    target_compile_options(${target} PRIVATE -Xclang -fno-pch-timestamp)  # else ccache never hits
  endif()
endfunction()

# What most sources include, our own headers of every event among it: two fifths of a source's compile time. A change of one
# of these headers then builds everything, and two checkouts have no cached objects in common: it is for those who build once.
set(picket_common_headers "")
if(PICKET_PRECOMPILE)
  set(picket_common_headers
      <algorithm> <array> <atomic> <chrono> <coroutine> <deque> <fstream> <functional> <map> <memory> <mutex>
      <optional> <random> <ranges> <set> <span> <sstream> <string> <string_view> <thread> <unordered_map> <variant> <vector>
      <boost/unordered/unordered_flat_map.hpp> <fmt/format.h>
      "${PROJECT_SOURCE_DIR}/picket/wire/messages.hpp" "${PROJECT_SOURCE_DIR}/picket/session/agent_session.hpp"
      "${PROJECT_SOURCE_DIR}/picket/session/proxy_session.hpp" "${PROJECT_SOURCE_DIR}/picket/transport/link.hpp")
  add_compile_definitions(FMT_SHARED)  # GCC takes them only where all macros that they use are the same
  picket_precompiled_headers(picket_precompiled ${picket_common_headers})
  target_include_directories(picket_precompiled PRIVATE "${PROJECT_SOURCE_DIR}")
  target_link_libraries(picket_precompiled PRIVATE fmt::fmt)
endif()

# picket_precompile(<target>): its sources take the common headers compiled, where this is wanted.
function(picket_precompile target)
  if(PICKET_PRECOMPILE)
    target_precompile_headers(${target} REUSE_FROM picket_precompiled)
  endif()
endfunction()

# What every test includes: a third of a test's compile time.
if(PICKET_TESTS)
  picket_precompiled_headers(picket_tests_precompiled <gmock/gmock.h> <gtest/gtest.h> ${picket_common_headers})
  target_include_directories(picket_tests_precompiled PRIVATE "${PROJECT_SOURCE_DIR}")
  target_link_libraries(picket_tests_precompiled PRIVATE GTest::gmock fmt::fmt)
  target_compile_options(picket_tests_precompiled PRIVATE -O0)
endif()

# picket_test(<target> SOURCES … [ALONE …] [LINKS …] [LABELS …] [PREFIX …]): a GoogleTest program, each of its tests known
# to ctest, by its name behind the prefix.
function(picket_test target)
  cmake_parse_arguments(T "" "PREFIX" "SOURCES;ALONE;LINKS;LABELS" ${ARGN})
  add_executable(${target} ${T_SOURCES})
  set_source_files_properties(${T_ALONE} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
  target_link_libraries(${target} PRIVATE ${T_LINKS} GTest::gmock GTest::gtest_main)
  # Tests run once for each time they are compiled: unoptimised they take half the time to build, and no longer to run.
  target_compile_options(${target} PRIVATE -O0)
  target_precompile_headers(${target} REUSE_FROM picket_tests_precompiled)
  target_compile_definitions(${target} PRIVATE PICKET_SOURCE_DIR="${PROJECT_SOURCE_DIR}" PICKET_BIN_DIR="${CMAKE_RUNTIME_OUTPUT_DIRECTORY}")
  gtest_discover_tests(${target} DISCOVERY_MODE PRE_TEST DISCOVERY_TIMEOUT 60 TEST_PREFIX "${T_PREFIX}"
                       PROPERTIES TIMEOUT 300 PROCESSORS 2 LABELS "${T_LABELS}")
endfunction()
