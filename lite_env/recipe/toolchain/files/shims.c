/* What clang 19 and later call where a function calls setjmp, and runtimes before Emscripten 3.1.59 do not export: the
 * compiler's side of https://github.com/llvm/llvm-project/pull/84137. What is thrown is still the runtime's own
 * emscripten_longjmp, which only hands on the buffer. */
#include <stdint.h>

struct buffer {
  void *invocation;
  uint32_t label;
};

__attribute__((visibility("hidden"))) void __wasm_setjmp(void *env, uint32_t label, void *invocation) {
  struct buffer *buffer = env;
  buffer->invocation = invocation;
  buffer->label = label;
}

__attribute__((visibility("hidden"))) uint32_t __wasm_setjmp_test(void *env, void *invocation) {
  struct buffer *buffer = env;
  return buffer->invocation == invocation ? buffer->label : 0;
}
