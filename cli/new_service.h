#pragma once

#include "cli/new_options.h"

namespace fob::cli {

/// `fob new --for SERVICE`: what the service decides of a key.

/// Looks the service up, and notes it with the key. The key's place is set where the service leaves no other. Throws
/// UsageError for an unknown one, and for options that it would refuse.
void take_service(NewOptions& options);

/// What the service would have of the types that fit the place, unless the line says which, or the place is still open.
/// Throws UsageError where none fits.
void choose_type(NewOptions& options);

/// Throws UsageError unless the service accepts the key that the line decides on.
void check_decided(const NewOptions& options);

/// Where the place is still open: a FIDO2 token that is plugged in and makes keys that the service accepts, or else the
/// vault. Asks the agent for the tokens. Throws not_found where only a token would do.
void choose_place(NewOptions& options);

}  // namespace fob::cli
