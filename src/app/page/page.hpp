#pragma once

#include "app/language.hpp"
#include "stibee_sync/json/value.hpp"

#include <string>

namespace stibee_sync::app {

/// The status report as a page for people, in their language: whole without a script, and everything
/// escaped. Nothing of a person is in it. Pure, but for this host's time zone.
std::string status_page(const json::Value& status, Language language);
/// What the page asks for besides, all of it under /status.css, /status.js and /status.svg.
std::string status_style();
std::string status_script();
std::string status_icon();

/// What the page may do: nothing but to show itself, and to ask for itself anew.
inline constexpr const char* page_policy =
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

}  // namespace stibee_sync::app
