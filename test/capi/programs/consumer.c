/* What somebody compiles who has installed the library. */
#include <stdio.h>
#include <string.h>
#include <upload_response.h>

int main(void) {
  ur_worker_options options;
  ur_worker* worker = NULL;
  ur_worker_options_init(&options);
  options.socket = "/nowhere/control.sock";
  if (ur_abi_version() != UR_ABI_VERSION || ur_worker_new(&options, &worker) != UR_OK) return 1;
  printf("%s %s\n", ur_version(), ur_error_name(ur_worker_attach(worker, 0)));
  ur_worker_free(worker);
  return 0;
}
