# SPDX-License-Identifier: Apache-2.0
# What every C file of this tree is compiled with; third-party headers are system headers and exempt.
set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
# -std=c11 hides POSIX declarations; both C libraries show them with this.
add_compile_definitions(_GNU_SOURCE)
add_compile_options("$<$<COMPILE_LANGUAGE:C>:-Wall;-Wextra;-Wshadow;-Wcast-qual;-Wmissing-prototypes;-Wvla;-Werror>")
# No folder names in the output: two clones, with two caches, build the same bytes. The last match counts.
cmake_path(GET skerry_prefix PARENT_PATH skerry_out)
cmake_path(GET skerry_out PARENT_PATH skerry_cache)
add_compile_options(-g -ffile-prefix-map=${skerry_cache}=cache -ffile-prefix-map=${CMAKE_SOURCE_DIR}=.
    -ffile-prefix-map=${CMAKE_BINARY_DIR}=build)
