/* libgcc_s.so.1 for the app's world. Packages name it because their compiler links it by habit; the
 * distribution's file needs glibc. C programs call none of it but the two registrations, which the
 * start files of some compilers make; on ARM the unwinding tables refer to the three personalities,
 * which are reached only by an exception that C does not throw. */
void __register_frame_info(const void *begin, void *object);
void *__deregister_frame_info(const void *begin);

void __register_frame_info(const void *begin, void *object) {
    (void)begin;
    (void)object;
}

void *__deregister_frame_info(const void *begin) {
    (void)begin;
    return 0;
}

#ifdef __arm__
void __aeabi_unwind_cpp_pr0(void);
void __aeabi_unwind_cpp_pr1(void);
void __aeabi_unwind_cpp_pr2(void);

void __aeabi_unwind_cpp_pr0(void) {
    __builtin_trap();
}

void __aeabi_unwind_cpp_pr1(void) {
    __builtin_trap();
}

void __aeabi_unwind_cpp_pr2(void) {
    __builtin_trap();
}
#endif
