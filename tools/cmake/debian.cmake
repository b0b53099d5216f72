# Debian packages by CPack: picket (the programs and what runs them), libpicket0, libpicket-dev. How: tools/package.
set(PICKET_MAINTAINER "Picket maintainers <picket@packages.invalid>" CACHE STRING "Who answers for the packages, as Debian's Maintainer field has it")
set(debian "${PROJECT_SOURCE_DIR}/deploy/debian")
set(built "${PROJECT_BINARY_DIR}/debian")

install(TARGETS picket picket-waf picket-guard RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}" COMPONENT programs)
install(FILES "${PROJECT_SOURCE_DIR}/deploy/man/picket.1" "${PROJECT_SOURCE_DIR}/deploy/man/picket-waf.1"
        DESTINATION "${CMAKE_INSTALL_MANDIR}/man1" COMPONENT programs)
install(FILES "${PROJECT_SOURCE_DIR}/deploy/man/picket-guard.8" DESTINATION "${CMAKE_INSTALL_MANDIR}/man8" COMPONENT programs)
install(FILES "${PROJECT_SOURCE_DIR}/deploy/man/gateway.kdl.5" DESTINATION "${CMAKE_INSTALL_MANDIR}/man5" COMPONENT programs)
foreach(program picket picket-waf picket-guard)  # bash looks for a file of the program's name
  install(FILES "${PROJECT_SOURCE_DIR}/deploy/completion/picket.bash" RENAME ${program}
          DESTINATION "${CMAKE_INSTALL_DATADIR}/bash-completion/completions" COMPONENT programs)
endforeach()
install(FILES "${PROJECT_SOURCE_DIR}/deploy/completion/_picket"
        DESTINATION "${CMAKE_INSTALL_DATADIR}/zsh/vendor-completions" COMPONENT programs)

# Pages for who has the package alone. They stay as they are, since they name each other.
file(GLOB pages "${PROJECT_SOURCE_DIR}/docs/*.md")
install(FILES ${pages} DESTINATION "${CMAKE_INSTALL_DATADIR}/doc/picket" COMPONENT documents)
install(FILES "${PROJECT_SOURCE_DIR}/examples/minimal.kdl" "${PROJECT_SOURCE_DIR}/examples/demo.kdl"
        DESTINATION "${CMAKE_INSTALL_DATADIR}/doc/picket/examples" COMPONENT documents)
install(FILES "${PROJECT_SOURCE_DIR}/examples/denylist.cpp"
        DESTINATION "${CMAKE_INSTALL_DATADIR}/doc/libpicket-dev/examples" COMPONENT development)

# What has its place outside of any prefix: in the package only, never by a bare `cmake --install`.
install(FILES "${PROJECT_SOURCE_DIR}/deploy/systemd/picket.service" "${PROJECT_SOURCE_DIR}/deploy/systemd/picket-waf.service"
        "${PROJECT_SOURCE_DIR}/deploy/systemd/picket-guard.service"
        DESTINATION /lib/systemd/system COMPONENT system EXCLUDE_FROM_ALL)
install(FILES "${PROJECT_SOURCE_DIR}/deploy/gateway.kdl" DESTINATION /etc/picket COMPONENT system EXCLUDE_FROM_ALL)
install(FILES "${PROJECT_SOURCE_DIR}/deploy/logrotate" RENAME picket DESTINATION /etc/logrotate.d
        COMPONENT system EXCLUDE_FROM_ALL)

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "")  # each package has its own
set(CPACK_PACKAGE_CONTACT "${PICKET_MAINTAINER}")
set(CPACK_PACKAGE_VENDOR Picket)
set(CPACK_PACKAGE_DIRECTORY "${PROJECT_BINARY_DIR}")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_SET_DESTDIR ON)
set(CPACK_STRIP_FILES ON)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
set(CPACK_PRE_BUILD_SCRIPTS "${built}/stage.cmake")
set(CPACK_COMPONENTS_ALL programs documents system library development)
set(CPACK_COMPONENTS_GROUPING ONE_PER_GROUP)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_RELEASE 1)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(version "${PROJECT_VERSION}-${CPACK_DEBIAN_PACKAGE_RELEASE}")

math(EXPR picket_next_minor "${PROJECT_VERSION_MINOR} + 1")
string(TIMESTAMP picket_date "%a, %d %b %Y %H:%M:%S +0000" UTC)
configure_file("${debian}/shlibs.in" "${built}/shlibs" @ONLY)
configure_file("${debian}/changelog.in" "${built}/changelog" @ONLY)
configure_file("${debian}/stage.cmake.in" "${built}/stage.cmake" @ONLY)

set(CPACK_DEBIAN_GATEWAY_PACKAGE_NAME picket)
set(CPACK_DEBIAN_GATEWAY_PACKAGE_SECTION net)
set(CPACK_DEBIAN_GATEWAY_DESCRIPTION "HTTP gateway that asks agents about every request
Picket asks separate processes about HTTP traffic, over Agent Protocol v2: a
web application firewall, an authenticator, a rate limiter, a guardrail.

This package has the gateway, picket-waf (ModSecurity with the OWASP Core Rule
Set as an agent), picket-guard (a guardrail for language models as an agent),
the tools for agents and the services of all three.")
set(CPACK_DEBIAN_GATEWAY_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_GATEWAY_PACKAGE_DEPENDS "adduser, modsecurity-crs (>= 3.3), modsecurity-crs (<< 4)")
set(CPACK_DEBIAN_GATEWAY_PACKAGE_SUGGESTS "logrotate, bash-completion")
set(CPACK_DEBIAN_GATEWAY_PACKAGE_CONTROL_EXTRA
    "${debian}/picket/postinst;${debian}/picket/prerm;${debian}/picket/postrm;${debian}/picket/conffiles")

set(CPACK_DEBIAN_LIBRARY_PACKAGE_NAME libpicket${PROJECT_VERSION_MAJOR})
set(CPACK_DEBIAN_LIBRARY_PACKAGE_SECTION libs)
set(CPACK_DEBIAN_LIBRARY_DESCRIPTION "Agent Protocol v2 for C++, shared library
Both ends of the protocol between an HTTP proxy and its agents: messages,
sessions, the agent SDK, the pool of agents and inspection.")
set(CPACK_DEBIAN_LIBRARY_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_LIBRARY_PACKAGE_CONTROL_EXTRA "${built}/shlibs;${debian}/triggers")

set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_NAME libpicket-dev)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_DEVELOPMENT_DESCRIPTION "Agent Protocol v2 for C++, development files
Headers, the static library and the files by which CMake and pkg-config find
Picket, for agents in C++ and for proxies that ask agents.")
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_DEPENDS
    "libpicket${PROJECT_VERSION_MAJOR} (= ${version}), libfmt-dev, libnghttp2-dev, libc-ares-dev, libbrotli-dev, zlib1g-dev, libssl-dev, libboost1.81-dev")

include(CPack)
cpack_add_component_group(gateway)
cpack_add_component(programs GROUP gateway)
cpack_add_component(documents GROUP gateway)
cpack_add_component(system GROUP gateway)
cpack_add_component(library)
cpack_add_component(development)
