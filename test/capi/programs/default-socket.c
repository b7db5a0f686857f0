/* Prints where a worker looks for the server. */
#include <stdio.h>
#include <upload_response.h>

int main(void) {
  char path[4096];
  if (ur_default_socket(path, sizeof path) >= sizeof path) return 1;
  puts(path);
  return 0;
}
