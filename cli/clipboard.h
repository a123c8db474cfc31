#pragma once

#include <string_view>

namespace fob::cli {

/// Puts text on the person's clipboard, through the first that is there of: wl-copy, where there is a Wayland display;
/// xclip and xsel, where there is an X display; pbcopy. They are found by PATH, and no shell runs them. Throws
/// not_found, with what to install, where there is none; system where it fails; Interrupted.
void copy_to_clipboard(std::string_view text);

}  // namespace fob::cli
