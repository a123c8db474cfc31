#pragma once

#include <fido.h>
#include <fido/credman.h>

#include <memory>
#include <new>

namespace fob {

/// Owners of what libfido2 allocates.
template <auto free>
struct FidoDeleter {
  template <class T>
  void operator()(T* object) const {
    free(&object);
  }
};

struct FidoDeviceDeleter {
  void operator()(fido_dev_t* device) const {
    fido_dev_close(device);  // only forgets the channel: the descriptor is not libfido2's
    fido_dev_free(&device);
  }
};

using FidoDevice = std::unique_ptr<fido_dev_t, FidoDeviceDeleter>;
using FidoAssertion = std::unique_ptr<fido_assert_t, FidoDeleter<fido_assert_free>>;
using FidoCredential = std::unique_ptr<fido_cred_t, FidoDeleter<fido_cred_free>>;
using FidoInfo = std::unique_ptr<fido_cbor_info_t, FidoDeleter<fido_cbor_info_free>>;
using FidoParties = std::unique_ptr<fido_credman_rp_t, FidoDeleter<fido_credman_rp_free>>;
using FidoResidents = std::unique_ptr<fido_credman_rk_t, FidoDeleter<fido_credman_rk_free>>;

/// `allocated` as it came from a fido_…_new function. Throws std::bad_alloc for nullptr.
template <class Owner>
Owner owned(typename Owner::pointer allocated) {
  if (allocated == nullptr) throw std::bad_alloc();
  return Owner(allocated);
}

}  // namespace fob
