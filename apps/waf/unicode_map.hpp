#pragma once

namespace modsecurity {
class UnicodeMapHolder;
}

namespace picket::apps::waf {

/// Says which ASCII character an application may see in a `%uXXXX` escape, for the transformation urlDecodeUni: servers
/// that understand these escapes fold look-alikes ("best fit"), and a rule that sees the code point's low byte would
/// miss the attack.
void fill_unicode_map(modsecurity::UnicodeMapHolder& map);

}  // namespace picket::apps::waf
