# What others use. In this build and in one that adds this folder, picket::core, picket::kdl and picket::http are the modules
# themselves; where Picket was installed, find_package(picket) gives the same names, and libpicket is behind each of them.
add_library(picket_core INTERFACE)
add_library(picket::core ALIAS picket_core)
target_link_libraries(picket_core INTERFACE picket::agent picket::inspection)

if(NOT PICKET_INSTALL)
  return()
endif()

include(GNUInstallDirs)
include(CMakePackageConfigHelpers)
set(map "${PROJECT_SOURCE_DIR}/deploy/libpicket.map")

# One libpicket of all modules. Compiled apart from them: position independent, and to machine code, so that any linker takes
# it.
get_property(sources GLOBAL PROPERTY PICKET_LIBRARY_SOURCES)
add_library(picket_objects OBJECT ${sources})
target_include_directories(picket_objects PUBLIC "${PROJECT_SOURCE_DIR}")
target_compile_options(picket_objects PRIVATE -fno-lto -fvisibility-inlines-hidden)
target_link_libraries(picket_objects PRIVATE fmt::fmt Boost::headers CLI11::CLI11 Threads::Threads nghttp2 cares brotlidec ZLIB::ZLIB OpenSSL::SSL)
set_target_properties(picket_objects PROPERTIES POSITION_INDEPENDENT_CODE ON)
# Nobody outside calls what stands under internal/: those names are hidden. What else is ours the map shows, and nothing of others.
set(hidden ${sources})
list(FILTER hidden INCLUDE REGEX "/internal/")
set_source_files_properties(${hidden} PROPERTIES COMPILE_OPTIONS -fvisibility=hidden)
if(PICKET_PRECOMPILE)  # position independent code has headers of its own
  picket_precompiled_headers_of(picket_objects ${picket_common_headers})
endif()

add_library(picket_shared SHARED $<TARGET_OBJECTS:picket_objects>)
add_library(picket_static STATIC $<TARGET_OBJECTS:picket_objects>)
target_link_options(picket_shared PRIVATE -fno-lto "-Wl,--version-script=${map}" -Wl,--no-undefined)
set_target_properties(picket_shared PROPERTIES OUTPUT_NAME picket VERSION ${PROJECT_VERSION}
                      SOVERSION ${PROJECT_VERSION_MAJOR} LINK_DEPENDS "${map}" EXPORT_NAME shared)
set_target_properties(picket_static PROPERTIES OUTPUT_NAME picket EXPORT_NAME static)
foreach(library picket_shared picket_static)
  target_compile_features(${library} PUBLIC cxx_std_23)
  target_include_directories(${library} INTERFACE "$<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>")
  target_link_libraries(${library} PUBLIC Threads::Threads PRIVATE fmt::fmt nghttp2 cares brotlidec z ssl crypto)
endforeach()

install(TARGETS picket_shared EXPORT picketTargets
        LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}" COMPONENT library NAMELINK_COMPONENT development)
install(TARGETS picket_static EXPORT picketTargets ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}" COMPONENT development)
install(EXPORT picketTargets NAMESPACE picket:: DESTINATION "${CMAKE_INSTALL_LIBDIR}/cmake/picket" COMPONENT development)
install(DIRECTORY "${PROJECT_SOURCE_DIR}/picket" DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}" COMPONENT development
        FILES_MATCHING PATTERN "*.hpp" PATTERN internal EXCLUDE PATTERN testing EXCLUDE PATTERN testing.hpp EXCLUDE)

configure_package_config_file("${PROJECT_SOURCE_DIR}/deploy/cmake/picketConfig.cmake.in" picketConfig.cmake
                              INSTALL_DESTINATION "${CMAKE_INSTALL_LIBDIR}/cmake/picket")
write_basic_package_version_file(picketConfigVersion.cmake COMPATIBILITY SameMinorVersion)
configure_file("${PROJECT_SOURCE_DIR}/deploy/picket.pc.in" picket.pc @ONLY)
install(FILES "${CMAKE_CURRENT_BINARY_DIR}/picketConfig.cmake" "${CMAKE_CURRENT_BINARY_DIR}/picketConfigVersion.cmake"
        DESTINATION "${CMAKE_INSTALL_LIBDIR}/cmake/picket" COMPONENT development)
install(FILES "${CMAKE_CURRENT_BINARY_DIR}/picket.pc" DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig" COMPONENT development)
