#pragma once

#include <p11-kit/pkcs11.h>

#include <string>

namespace fob::pkcs11 {

/// A loaded PKCS#11 module (PKCS#11 3.0 §5.4). Finalised and unloaded when this dies.
/// Threads: one. Errors: system, unsupported (it is no PKCS#11 module), and what C_Initialize says.
class Library {
 public:
  /// `path` is absolute. Runs the library's constructors, and nothing else of it.
  explicit Library(const std::string& path);
  ~Library();
  Library(const Library&) = delete;
  Library& operator=(const Library&) = delete;

  /// C_Initialize, unless that has been done; true: done now.
  bool initialize();
  /// C_Finalize: closes every session, logs out everywhere, and lets go of the devices.
  void finalize() noexcept;
  bool is_initialized() const { return initialized_; }

  const CK_FUNCTION_LIST& functions() const { return *functions_; }
  /// What the module says of itself; after initialize().
  CK_INFO info() const;

 private:
  CK_FUNCTION_LIST* functions_;
  bool initialized_ = false;
};

}  // namespace fob::pkcs11
