# The real daemon, the real token host, and virtual tokens plugged into its sockets.
file(GLOB TOKEN_TESTS CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/tokens/*.cc)
file(GLOB DAEMON_SUPPORT CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/daemon/*.cc)
list(FILTER DAEMON_SUPPORT EXCLUDE REGEX "_test\\.cc$|random_messages|refusal")
add_executable(token_daemon_tests ${TOKEN_TESTS} ${DAEMON_SUPPORT})
target_link_libraries(token_daemon_tests PRIVATE protocol virtual_token GTest::gtest Threads::Threads)
target_compile_definitions(token_daemon_tests PRIVATE FOB_AGENT_DEFAULT="$<TARGET_FILE:fob-agent>"
                                                      FOB_TEST_DATA="${CMAKE_SOURCE_DIR}/tests/data")
if(FOB_SANITIZE OR FOB_COVERAGE)
  target_compile_definitions(token_daemon_tests PRIVATE FOB_INSTRUMENTED)
endif()
add_dependencies(token_daemon_tests fob-agent fob-token-host)
gtest_discover_tests(token_daemon_tests TEST_PREFIX token. DISCOVERY_TIMEOUT 60 PROPERTIES LABELS daemon TIMEOUT 300)
