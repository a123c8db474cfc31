# The virtual PIV card (tests/virtual/piv): a library for unit tests, a program that puts it into vpcd's reader, and one
# that holds a card as other programs do.
file(GLOB VIRTUAL_PIV_SOURCES CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/virtual/piv/*.cc)
list(REMOVE_ITEM VIRTUAL_PIV_SOURCES ${CMAKE_SOURCE_DIR}/tests/virtual/piv/holder.cc)
add_library(virtual_piv STATIC ${VIRTUAL_PIV_SOURCES})
target_link_libraries(virtual_piv PUBLIC virtual_token)

file(GLOB VIRTUAL_PIV_PROGRAM CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/virtual/piv/program/*.cc)
add_executable(fob-virtual-piv ${VIRTUAL_PIV_PROGRAM})
target_link_libraries(fob-virtual-piv PRIVATE virtual_piv)

add_executable(fob-card-holder ${CMAKE_SOURCE_DIR}/tests/virtual/piv/holder.cc)
target_link_libraries(fob-card-holder PRIVATE PkgConfig::PCSC)

file(GLOB VIRTUAL_PIV_TESTS CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/unit/virtual_piv/*.cc)
add_executable(virtual_piv_tests ${VIRTUAL_PIV_TESTS})
target_link_libraries(virtual_piv_tests PRIVATE virtual_piv GTest::gtest_main)
gtest_discover_tests(virtual_piv_tests TEST_PREFIX virtual_piv. DISCOVERY_TIMEOUT 60 PROPERTIES LABELS unit TIMEOUT 120)

# PivCard against this card, with a real pcscd in between. The other tests of tokens_tests run everywhere.
add_dependencies(tokens_tests fob-virtual-piv fob-card-holder)
add_test(NAME piv.card COMMAND ${CMAKE_SOURCE_DIR}/tests/virtual/piv/session --two --program $<TARGET_FILE:fob-virtual-piv>
                               -- $<TARGET_FILE:tokens_tests> --gtest_filter=PivCardTest.*)
# And the token host with Yubico's and OpenSC's modules, which tell the cards of one reader each.
add_test(NAME piv.modules COMMAND ${CMAKE_SOURCE_DIR}/tests/virtual/piv/session --program $<TARGET_FILE:fob-virtual-piv>
                                  -- $<TARGET_FILE:tokens_tests> --gtest_filter=*PivModule*)
set_tests_properties(piv.card piv.modules PROPERTIES LABELS host TIMEOUT 120 SKIP_RETURN_CODE 77
                                         FAIL_REGULAR_EXPRESSION "\\[  SKIPPED \\]|Running 0 tests")
