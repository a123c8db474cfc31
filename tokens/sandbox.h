#pragma once

#include <string>

namespace fob::sandbox {

/// What a token host gives up for good before it reads a byte of a token's, or loads a library.
///
/// All kinds: no new privileges, no core dump, not dumpable (so not traceable by its user), no descriptors but its
/// own. Landlock applies as far as the kernel has it; where it has none, the rest still holds. Errors: system, where
/// anything else cannot be had: then the host must not go on.
///
/// Builds that count coverage or have sanitizers (FOB_INSTRUMENTED) leave out seccomp, Landlock and the rest that
/// their run time does not survive: it opens /proc and files, and starts a tracer. Only descriptors, privileges and
/// cores are then confined.

/// For libfido2 over descriptors that are open: no files at all, a short list of system calls, any other ends the
/// process (SIGSYS). Keeps descriptors 0 to `last_descriptor`.
void enter_fido(unsigned last_descriptor);

/// For a library of somebody else's, which finds its tokens itself: it may read system files and its own folder, open
/// devices as its user may, and talk to local daemons; not write files, reach the network, or start programs. Keeps
/// descriptors 0 to `last_descriptor`.
void enter_middleware(unsigned last_descriptor, const std::string& library);

/// For a PKCS#11 module: it keeps its tokens in files wherever it likes and talks to local daemons, so of the file
/// system it has what its user has; with `network` also IPv4 and IPv6. It does not start programs, signal or trace
/// others. Keeps descriptors 0 to `last_descriptor`.
void enter_pkcs11(unsigned last_descriptor, bool network);

/// For what only looks: loads the libraries that p11-kit's configuration names, wherever they are, and asks pcscd. It
/// may read files and talk to local daemons; not write, reach the network, or start programs. Keeps descriptors 0 to
/// `last_descriptor`.
void enter_lister(unsigned last_descriptor);

}  // namespace fob::sandbox
