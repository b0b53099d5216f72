# One place for the language level, warnings, sanitizers and LTO.
set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_CXX_SCAN_FOR_MODULES OFF)

# In another project, flags, warnings and folders are that project's.
if(NOT PROJECT_IS_TOP_LEVEL)
  return()
endif()
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/bin")
set(CMAKE_CXX_FLAGS_RELEASE "-O3 -DNDEBUG -g1")
set(CMAKE_CXX_FLAGS_DEBUG "-O1 -g1 -fno-omit-frame-pointer -D_GLIBCXX_ASSERTIONS")

add_compile_options(-Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual)
if(PICKET_WERROR)
  add_compile_options(-Werror)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # GCC 12 reports these falsely in optimised standard-library code.
  add_compile_options(-Wno-stringop-overflow -Wno-stringop-overread -Wno-restrict -Wno-array-bounds
                      -Wno-maybe-uninitialized -Wno-dangling-pointer -Wno-missing-field-initializers)
  # GoogleTest's macros after an if are whole statements; GCC sees the else inside them.
  add_compile_options(-Wno-dangling-else)
else()
  # A designated initialiser that names some fields means: the others keep their defaults.
  add_compile_options(-Wno-missing-designated-field-initializers -Wno-missing-field-initializers)
endif()

if(PICKET_UNITY)
  set(CMAKE_UNITY_BUILD ON)
  set(CMAKE_UNITY_BUILD_BATCH_SIZE 8)
  add_compile_options(-Wno-shadow)  # names of one source and those of the next are strangers
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    add_compile_options(-Wno-subobject-linkage)  # sources look like headers
  endif()
endif()

if(PICKET_SANITIZE)
  add_compile_options(-fsanitize=${PICKET_SANITIZE} -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${PICKET_SANITIZE})
endif()
if(PICKET_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()
if(PICKET_LTO)
  add_compile_options(-flto=thin)
  add_link_options(-flto=thin -Wl,--thinlto-cache-dir=${PROJECT_BINARY_DIR}/lto.cache)
endif()
if(PICKET_PORTABLE)
  add_compile_definitions(PICKET_PORTABLE)
endif()
