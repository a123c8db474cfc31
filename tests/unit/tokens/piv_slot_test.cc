#include "tokens/pkcs11/piv_slot.h"

#include <gtest/gtest.h>

#include "protocol/error.h"

namespace fob::pkcs11 {
namespace {

TEST(PivSlot, MapsIdsAsBothModulesDo) {
  using enum PivModule;
  // libykcs11: piv_objects[].sub_id; OpenSC: the digits of pkcs15-piv.c's ids, read as hexadecimal.
  EXPECT_EQ(piv_slot_of_id(ykcs11, Bytes{1}), "9a");
  EXPECT_EQ(piv_slot_of_id(ykcs11, Bytes{4}), "9e");
  EXPECT_EQ(piv_slot_of_id(ykcs11, Bytes{5}), "82");
  EXPECT_EQ(piv_slot_of_id(ykcs11, Bytes{24}), "95");
  EXPECT_EQ(piv_slot_of_id(ykcs11, Bytes{25}), std::nullopt) << "the attestation key";
  EXPECT_EQ(piv_slot_of_id(opensc, Bytes{9}), "86");
  EXPECT_EQ(piv_slot_of_id(opensc, Bytes{0x10}), "87");
  EXPECT_EQ(piv_slot_of_id(opensc, Bytes{0x24}), "95");
  EXPECT_EQ(piv_slot_of_id(opensc, Bytes{0x0a}), std::nullopt);
  EXPECT_EQ(piv_slot_of_id(opensc, Bytes{}), std::nullopt);
  EXPECT_EQ(piv_slot_of_id(opensc, Bytes{1, 1}), std::nullopt);
  EXPECT_EQ(id_of_piv_slot(opensc, "91"), Bytes{0x20});
  EXPECT_EQ(piv_key_reference("8f"), 0x8f);
  for (const char* no_slot : {"", "9b", "9A", "f9", "81", "96", "9", "9a "}) {
    EXPECT_THROW(id_of_piv_slot(ykcs11, no_slot), Error) << no_slot;
  }
}

TEST(PivSlot, KnowsTheTokensThatShowPivCards) {
  EXPECT_EQ(piv_module_of("Yubico (www.yubico.com)", "YubiKey YK5"), PivModule::ykcs11);
  EXPECT_EQ(piv_module_of("piv_II", "PKCS#15 emulated"), PivModule::opensc);
  EXPECT_EQ(piv_module_of("SoftHSM project", "SoftHSM v2"), std::nullopt);
}

}  // namespace
}  // namespace fob::pkcs11
