#The real daemon, the real token host, SoftHSM2, and the module that wraps it and goes wrong on command.
file(GLOB PKCS11_TESTS CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/pkcs11/*.cc)
add_executable(pkcs11_daemon_tests ${PKCS11_TESTS} ${DAEMON_SUPPORT} ${CMAKE_SOURCE_DIR}/tests/tokens/token_rig.cc)
target_include_directories(pkcs11_daemon_tests SYSTEM PRIVATE ${P11KIT_INCLUDE_DIRS})
target_link_libraries(pkcs11_daemon_tests PRIVATE protocol virtual_token GTest::gtest Threads::Threads ${CMAKE_DL_LIBS})
target_compile_definitions(pkcs11_daemon_tests PRIVATE FOB_AGENT_DEFAULT="$<TARGET_FILE:fob-agent>"
                                                       FOB_FAULTY_PKCS11="$<TARGET_FILE:fob-faulty-pkcs11>"
                                                       FOB_TEST_DATA="${CMAKE_SOURCE_DIR}/tests/data")
if(FOB_SANITIZE OR FOB_COVERAGE)
  target_compile_definitions(pkcs11_daemon_tests PRIVATE FOB_INSTRUMENTED)
endif()
add_dependencies(pkcs11_daemon_tests fob-agent fob-token-host fob-faulty-pkcs11)
gtest_discover_tests(pkcs11_daemon_tests TEST_PREFIX pkcs11. DISCOVERY_TIMEOUT 60 PROPERTIES LABELS daemon TIMEOUT 300)
