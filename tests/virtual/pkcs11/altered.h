#pragma once

#include <p11-kit/pkcs11.h>

/// The functions whose answers the module changes, each by Control's behaviour. Parameters as in PKCS#11 2.40 §5.
namespace fob::faulty {

/// The wrapped module's functions: $FOB_FAULTY_MODULE's, or SoftHSM2's. Null where it cannot be loaded.
CK_FUNCTION_LIST* wrapped_module();

CK_RV get_slot_list(CK_BBOOL token_present, CK_SLOT_ID* slots, CK_ULONG* count);
CK_RV get_slot_info(CK_SLOT_ID slot, CK_SLOT_INFO* info);
CK_RV get_token_info(CK_SLOT_ID slot, CK_TOKEN_INFO* info);
CK_RV get_attribute_value(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE* attributes, CK_ULONG count);
CK_RV find_objects(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE* objects, CK_ULONG most, CK_ULONG* count);

/// Ends all sessions, as pulling the token out does.
void end_sessions();

}  // namespace fob::faulty
