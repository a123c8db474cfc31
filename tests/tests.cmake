# The tests of all folders; included by the one build file.
find_package(GTest REQUIRED)
include(GoogleTest)

# Unit: pure code, no process but this one.
file(GLOB PROTOCOL_TESTS CONFIGURE_DEPENDS tests/unit/protocol/*.cc)
add_executable(protocol_tests ${PROTOCOL_TESTS})
target_link_libraries(protocol_tests PRIVATE protocol GTest::gtest_main)
target_compile_definitions(protocol_tests PRIVATE FOB_TEST_DATA="${CMAKE_SOURCE_DIR}/tests/data")
gtest_discover_tests(protocol_tests TEST_PREFIX protocol. DISCOVERY_TIMEOUT 60)

file(GLOB AGENT_UNIT_TESTS CONFIGURE_DEPENDS tests/unit/agent/*.cc)
if(AGENT_UNIT_TESTS)
  add_executable(agent_unit_tests ${AGENT_UNIT_TESTS})
  target_link_libraries(agent_unit_tests PRIVATE agent GTest::gtest_main)
  gtest_discover_tests(agent_unit_tests TEST_PREFIX agent. DISCOVERY_TIMEOUT 60)
endif()

# Host: the real daemon, spoken to over its socket.
file(GLOB DAEMON_TESTS CONFIGURE_DEPENDS tests/daemon/*.cc)
if(DAEMON_TESTS)
  add_executable(daemon_tests ${DAEMON_TESTS})
  target_link_libraries(daemon_tests PRIVATE protocol GTest::gtest Threads::Threads)
  target_compile_definitions(daemon_tests PRIVATE FOB_AGENT_DEFAULT="$<TARGET_FILE:fob-agent>"
                                                  FOB_TEST_DATA="${CMAKE_SOURCE_DIR}/tests/data")
  gtest_discover_tests(daemon_tests TEST_PREFIX daemon. DISCOVERY_TIMEOUT 60 PROPERTIES TIMEOUT 300)
endif()
