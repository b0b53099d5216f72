"""How the functions in a profile are called for short, and which part of the work each belongs to."""

import re
from collections import defaultdict

_KEPT_CLONE = re.compile(r" \[clone \.(resume|destroy|cleanup)\]")
_CLONES = re.compile(r" \[clone [^]]*\]")
_MANGLED_PART = re.compile(r"(\d+)(\D.*)")
_OPERATOR = re.compile(r"operator(\(\)|<=>|<<=?|>>=?|<=?|->\*?|>=?)")
_HIDDEN = {"<": "\1", ">": "\2", "(": "\3", ")": "\4"}  # letters of an operator's name, which enclose nothing
_ENCLOSED = re.compile(r"<[^<>]*>|\([^()]*\)")
_DROPPED = re.compile(r"\(anonymous namespace\)::|__cxx11::|\[abi:\w+\]|#\d+")
_OUTER_SCOPE = re.compile(r"^(picket::apps|picket|boost)::")
_QUALIFIER = re.compile(r" (const|volatile|&)(?=::|$)")


def _scopes(mangled):
    """The nested name that begins what a demangler of before C++20 could not read."""
    parts, rest = [], mangled.lstrip("_ZN")
    while part := _MANGLED_PART.match(rest):
        length = int(part[1])
        parts.append(part[2][:length])
        rest = part[2][length:]
    return "::".join(parts) or mangled


def _undecorated(name):
    """A demangled name without template arguments, parameters and return type."""
    short = _DROPPED.sub("", _CLONES.sub("", _scopes(name) if name.startswith("_Z") else name))
    short = _OPERATOR.sub(lambda found: "".join(_HIDDEN.get(letter, letter) for letter in found[0]), short)
    while (less := _ENCLOSED.sub("", short)) != short:
        short = less
    scope, operator, of = _QUALIFIER.sub("", short).strip().rpartition("operator ")
    short = scope.split(" ")[-1] + operator + of if operator else of.split(" ")[-1]
    for letter, hidden in _HIDDEN.items():
        short = short.replace(hidden, letter)
    return short or name


def shortened(name):
    """Undecorated, without `picket::` and `boost::`, and with what a clone of a coroutine does."""
    kept = _KEPT_CLONE.search(name)
    return _OUTER_SCOPE.sub("", _undecorated(name)) + (f" [{kept[1]}]" if kept else "")


# The first that matches "object:file:function" of a line of code. Headers of the standard library match none and belong
# to the function that uses them.
AREAS = [(area, re.compile(pattern)) for area, pattern in (
    ("allocation", r"tcmalloc|:operator (new|delete)|:(malloc|calloc|realloc|free|aligned_alloc|posix_memalign)$"
                   r"|libc.*/malloc/"),
    ("locks", r":_*(pthread_mutex_|lll_lock_)"),
    ("HTTP heads and bodies", r"picket/http/"),
    ("inspection", r"picket/inspection/"),
    ("upstream pool", r"apps/gateway/upstream/"),
    ("logs", r"apps/gateway/(logs/|process/process_log\.)|spdlog"),
    ("gateway", r"apps/gateway/"),
    ("command", r"apps/cli/"),
    ("codec", r"picket/wire/"),
    ("session", r"picket/session/"),
    ("transport", r"picket/transport/"),
    ("agent pool", r"picket/pool/"),
    ("agent SDK", r"picket/agent/"),
    ("base and metrics", r"picket/(base|metrics)/"),
    ("Boost", r"boost/"),
    ("formatting", r"/fmt/|libfmt"),
    ("C++ library", r"libstdc\+\+"),
    ("C library", r"lib(c|pthread|m)[.-]|ld-linux|/sysdeps/|vdso"),
)]
OTHER = "other"


def _match(text):
    return next((area for area, pattern in AREAS if pattern.search(text)), None)


def area_of(counts, name):
    """The area of a whole function, given its plain name: that of its namespace (path = namespace), else of its file,
    which is that of its first instruction and may have been inlined."""
    binary, file = counts.home.get(name, ("", ""))
    return _match(_undecorated(name).replace("::", "/")) or _match(f"{binary}:{file}:{name}") or OTHER


def costs_by_area(counts):
    """`{area: instructions}`, the largest first. Code that was inlined counts where it was written."""
    costs = defaultdict(int)
    for (function, file), cost in counts.lines.items():
        costs[_match(f":{file}:") or area_of(counts, function.plain())] += cost
    return dict(sorted(costs.items(), key=lambda item: -item[1]))
