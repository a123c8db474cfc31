# The tests of all folders; included by the one build file. Labels: unit, daemon, host.
find_package(GTest REQUIRED)
include(GoogleTest)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_GREATER_EQUAL 13)
  # False positives on look-ups by a temporary name.
  add_compile_options(-Wno-dangling-reference)
endif()

# What is tested is optimised; the tests are compiled in two thirds of the time without.
add_compile_options(-O0 -U_FORTIFY_SOURCE)

# What several programs share, compiled once: the daemon under test and its clients, keys, logins, temporary folders.
file(GLOB DAEMON_SUPPORT CONFIGURE_DEPENDS tests/daemon/*.cc)
list(FILTER DAEMON_SUPPORT EXCLUDE REGEX "_test\\.cc$|/main\\.cc$|random_messages|refusal")
add_library(daemon_support STATIC ${DAEMON_SUPPORT})
target_link_libraries(daemon_support PUBLIC protocol GTest::gtest Threads::Threads)
target_compile_definitions(daemon_support PRIVATE FOB_AGENT_DEFAULT="$<TARGET_FILE:fob-agent>"
                                          PUBLIC FOB_TEST_DATA="${CMAKE_SOURCE_DIR}/tests/data")
if(FOB_SANITIZE OR FOB_COVERAGE)
  target_compile_definitions(daemon_support PUBLIC FOB_INSTRUMENTED)
endif()
target_precompile_headers(daemon_support PRIVATE <gtest/gtest.h>)
# It looks through all that a process has.
set_source_files_properties(tests/daemon/memory_scan.cc PROPERTIES COMPILE_OPTIONS -O2 SKIP_PRECOMPILE_HEADERS ON)

# Unit: pure code, no process but this one.
file(GLOB PROTOCOL_TESTS CONFIGURE_DEPENDS tests/unit/protocol/*.cc)
add_executable(protocol_tests ${PROTOCOL_TESTS})
target_link_libraries(protocol_tests PRIVATE protocol GTest::gtest_main)
target_compile_definitions(protocol_tests PRIVATE FOB_TEST_DATA="${CMAKE_SOURCE_DIR}/tests/data")
target_precompile_headers(protocol_tests PRIVATE <gtest/gtest.h>)

# Key files of every kind; and the converter of tests/host/key_files.sh.
file(GLOB KEY_FILE_TESTS CONFIGURE_DEPENDS tests/unit/key_file/*.cc)
add_executable(key_file_tests ${KEY_FILE_TESTS} tests/unit/protocol/vectors.cc)
target_link_libraries(key_file_tests PRIVATE key_file GTest::gtest_main)
target_compile_definitions(key_file_tests PRIVATE FOB_TEST_DATA="${CMAKE_SOURCE_DIR}/tests/data")
add_executable(fob-key-file tests/host/key_file_tool.cc)
target_link_libraries(fob-key-file PRIVATE key_file)

file(GLOB AGENT_TESTS CONFIGURE_DEPENDS tests/unit/agent/*.cc tests/unit/vault/*.cc)
add_executable(agent_tests ${AGENT_TESTS})
target_link_libraries(agent_tests PRIVATE agent daemon_support)
target_precompile_headers(agent_tests PRIVATE <boost/asio.hpp> <gtest/gtest.h>)

# The token host as a process of its own, in its sandbox, with a virtual token at its other side.
file(GLOB TOKENS_TESTS CONFIGURE_DEPENDS tests/unit/tokens/*.cc)
add_executable(tokens_tests ${TOKENS_TESTS} tests/unit/protocol/vectors.cc)
target_link_libraries(tokens_tests PRIVATE token_host virtual_token GTest::gtest)
target_compile_definitions(tokens_tests PRIVATE FOB_TOKEN_HOST="$<TARGET_FILE:fob-token-host>"
                                                FOB_TEST_DATA="${CMAKE_SOURCE_DIR}/tests/data")
target_precompile_headers(tokens_tests PRIVATE <gtest/gtest.h>)
add_dependencies(tokens_tests fob-token-host)

# The fob command: its parts, and the program itself in a terminal of its own, with a scripted agent.
file(GLOB CLI_TESTS CONFIGURE_DEPENDS tests/unit/cli/*.cc)
add_executable(cli_tests ${CLI_TESTS} tests/unit/protocol/vectors.cc)
target_link_libraries(cli_tests PRIVATE cli daemon_support nlohmann_json::nlohmann_json)
target_compile_definitions(cli_tests PRIVATE FOB_DEFAULT="$<TARGET_FILE:fob>")
target_precompile_headers(cli_tests PRIVATE <gtest/gtest.h> <nlohmann/json.hpp>)
add_dependencies(cli_tests fob)

# Daemon: the real daemon, spoken to over its socket.
file(GLOB DAEMON_TESTS CONFIGURE_DEPENDS tests/daemon/*.cc)
list(REMOVE_ITEM DAEMON_TESTS ${DAEMON_SUPPORT})
add_executable(daemon_tests ${DAEMON_TESTS})
target_link_libraries(daemon_tests PRIVATE daemon_support)
target_precompile_headers(daemon_tests PRIVATE <gtest/gtest.h>)
add_dependencies(daemon_tests fob-agent)

gtest_discover_tests(protocol_tests TEST_PREFIX protocol. DISCOVERY_TIMEOUT 60 PROPERTIES LABELS unit)
gtest_discover_tests(key_file_tests TEST_PREFIX key_file. DISCOVERY_TIMEOUT 60 PROPERTIES LABELS unit TIMEOUT 120)
# Those with a PIV card run beside a pcscd of their own (virtual/piv/piv.cmake).
gtest_discover_tests(tokens_tests TEST_PREFIX tokens. TEST_FILTER -PivCardTest.*:*PivModule* DISCOVERY_TIMEOUT 60 PROPERTIES LABELS unit TIMEOUT 120)
gtest_discover_tests(agent_tests TEST_PREFIX agent. DISCOVERY_TIMEOUT 60 PROPERTIES LABELS unit)
gtest_discover_tests(cli_tests TEST_PREFIX cli. DISCOVERY_TIMEOUT 60 PROPERTIES LABELS unit TIMEOUT 120)
gtest_discover_tests(daemon_tests TEST_PREFIX daemon. DISCOVERY_TIMEOUT 60 PROPERTIES LABELS daemon TIMEOUT 300)

# Host: real clients. A script exits with 77 where the machine lacks what it needs, and says what.
function(add_host_test name)
  add_test(NAME host.${name} COMMAND bash ${CMAKE_SOURCE_DIR}/tests/host/${ARGN})
  set_tests_properties(host.${name} PROPERTIES LABELS host TIMEOUT 400 SKIP_RETURN_CODE 77
                       ENVIRONMENT FOB_AGENT=$<TARGET_FILE:fob-agent>)
endfunction()
file(GLOB HOST_SCRIPTS CONFIGURE_DEPENDS RELATIVE ${CMAKE_SOURCE_DIR}/tests/host tests/host/*.sh)
list(REMOVE_ITEM HOST_SCRIPTS lib.sh openssh_regress.sh softhsm.sh pkcs11_steps.sh doctor_steps.sh)
foreach(script ${HOST_SCRIPTS})
  string(REPLACE ".sh" "" name ${script})
  add_host_test(${name} ${script})
endforeach()
foreach(script agent agent-getpeereid agent-timeout agent-ptrace agent-subprocess agent-restrict hostkey-agent
        cert-file sshsig agent-pkcs11)
  add_host_test(openssh.${script} openssh_regress.sh ${script})
endforeach()

# The load generator of ./dev bench.
file(GLOB BENCH_SOURCES CONFIGURE_DEPENDS tests/bench/*.cc)
add_executable(fob-load ${BENCH_SOURCES})
target_compile_options(fob-load PRIVATE -O2)
target_include_directories(fob-load SYSTEM PRIVATE ${P11KIT_INCLUDE_DIRS})
target_link_libraries(fob-load PRIVATE PkgConfig::SODIUM ${CMAKE_DL_LIBS})
include(${CMAKE_SOURCE_DIR}/tests/virtual/virtual.cmake)
include(${CMAKE_SOURCE_DIR}/tests/virtual/piv/piv.cmake)
include(${CMAKE_SOURCE_DIR}/tests/virtual/pkcs11/pkcs11.cmake)
include(${CMAKE_SOURCE_DIR}/tests/tokens/tokens.cmake)
include(${CMAKE_SOURCE_DIR}/tests/pkcs11/pkcs11_tests.cmake)
include(${CMAKE_SOURCE_DIR}/tests/vault/vault.cmake)
include(${CMAKE_SOURCE_DIR}/tests/faults/faults.cmake)
