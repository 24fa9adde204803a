# One room = one static library `stibee_<room>`. USES names the rooms whose public headers it may include;
# THIRD_PARTY stays private to the room, so that linking enforces the walls.
# -Wno-restrict: g++ 12 warns wrongly about `"text" + std::string` (GCC bug 105651).
set(STIBEE_WARNINGS -Wall -Wextra -Wconversion -Wshadow -Werror)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  list(APPEND STIBEE_WARNINGS -Wno-restrict)
else()
  # Of what libstdc++ itself calls, in <algorithm>.
  list(APPEND STIBEE_WARNINGS -Wno-deprecated-declarations)
endif()

function(stibee_room name)
  cmake_parse_arguments(ROOM "" "" "SOURCES;USES;THIRD_PARTY" ${ARGN})
  add_library(stibee_${name} STATIC ${ROOM_SOURCES})
  target_include_directories(stibee_${name}
    PUBLIC ${PROJECT_SOURCE_DIR}/include
    PRIVATE ${PROJECT_SOURCE_DIR}/src)
  target_compile_options(stibee_${name} PRIVATE ${STIBEE_WARNINGS} ${STIBEE_HARDENED_COMPILE})
  list(TRANSFORM ROOM_USES PREPEND stibee_)
  target_link_libraries(stibee_${name} PUBLIC ${ROOM_USES} PRIVATE ${ROOM_THIRD_PARTY})
endfunction()

# A test program: stibee_test(<name> SOURCES … USES <rooms> THIRD_PARTY <targets> LABELS <labels> OPTIMISED <sources>
#                    PROPERTIES <further properties of each test>)
# Each *_test.cpp must be named by exactly one of these (tests/architecture checks it).
# Half of all that is compiled is tests: they are not optimised (the rooms are), but for those that calculate for long.
function(stibee_test name)
  cmake_parse_arguments(TEST "" "TIMEOUT" "SOURCES;USES;THIRD_PARTY;LABELS;OPTIMISED;PROPERTIES" ${ARGN})
  if(NOT TEST_TIMEOUT)
    set(TEST_TIMEOUT 120)
  endif()
  add_executable(${name} ${TEST_SOURCES})
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR}/tests)
  target_compile_options(${name} PRIVATE ${STIBEE_WARNINGS})
  set(quick ${TEST_SOURCES})
  list(REMOVE_ITEM quick ${TEST_OPTIMISED})
  set_source_files_properties(${quick} PROPERTIES COMPILE_OPTIONS -O0)
  list(TRANSFORM TEST_USES PREPEND stibee_)
  target_link_libraries(${name} PRIVATE ${TEST_USES} ${TEST_THIRD_PARTY} GTest::gmock GTest::gtest GTest::gtest_main)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
  gtest_discover_tests(${name} DISCOVERY_MODE PRE_TEST DISCOVERY_TIMEOUT 60
    PROPERTIES TIMEOUT ${TEST_TIMEOUT} LABELS "${TEST_LABELS}" ${TEST_PROPERTIES})
endfunction()
