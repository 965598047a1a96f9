# SPDX-License-Identifier: Apache-2.0
# CMake toolchain file: Debian's aarch64 cross compiler, turned into a bare-metal one.
set(CMAKE_SYSTEM_NAME Generic)
set(CMAKE_SYSTEM_PROCESSOR aarch64)

set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
set(CMAKE_ASM_COMPILER aarch64-linux-gnu-gcc)
set(CMAKE_AR aarch64-linux-gnu-gcc-ar)
set(CMAKE_RANLIB aarch64-linux-gnu-gcc-ranlib)
set(CMAKE_OBJCOPY aarch64-linux-gnu-objcopy)
set(CMAKE_NM aarch64-linux-gnu-nm)
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)

# - cortex-a53 is the oldest core that we support; its code runs on a72 and newer. Its crypto instructions stay off in
#   the compiler and are found at run time.
# - PIE and outline atomics are on by default in Debian's compiler; both need a C library that we do not have.
# - The compiler must not claim to be Linux or Unix: third-party code would pick system calls.
# - Backtraces follow frame pointers; unwind tables would be 40 KB of each image.
# - Headers come from picolibc (dep::picolibc) and the compiler alone.
execute_process(COMMAND ${CMAKE_C_COMPILER} -print-file-name=include
    OUTPUT_VARIABLE skerry_gcc_include OUTPUT_STRIP_TRAILING_WHITESPACE)
string(CONCAT skerry_machine_flags
    "-mcpu=cortex-a53 -fno-pie -fno-pic -mno-outline-atomics -ftls-model=local-exec "
    "-U__linux__ -U__linux -Ulinux -U__gnu_linux__ -U__unix__ -U__unix -Uunix "
    "-ffunction-sections -fdata-sections -fno-common -fstack-protector-strong "
    "-fno-omit-frame-pointer -fno-unwind-tables -fno-asynchronous-unwind-tables "
    "-nostdinc -isystem ${skerry_gcc_include}")
set(CMAKE_C_FLAGS_INIT "${skerry_machine_flags}")
set(CMAKE_ASM_FLAGS_INIT "-mcpu=cortex-a53 -nostdinc")
set(CMAKE_EXE_LINKER_FLAGS_INIT "-nostdlib -static -no-pie -Wl,--gc-sections -Wl,--build-id=sha1 -Wl,-z,noexecstack")

set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
