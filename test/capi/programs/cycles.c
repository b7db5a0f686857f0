/* Attaches, takes one stream without a head's answer, detaches; again and again. Prints the open
 * descriptors and the private memory in KB after the first tenth and at the end. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <upload_response.h>

static int descriptors(void) {
  int count = 0;
  DIR* folder = opendir("/proc/self/fd");
  while (readdir(folder)) count++;
  closedir(folder);
  return count;
}

static long private_kb(void) {
  char line[256];
  long found = -1;
  FILE* file = fopen("/proc/self/status", "r");
  while (fgets(line, sizeof line, file)) {
    if (sscanf(line, "RssAnon: %ld kB", &found) == 1) break;
  }
  fclose(file);
  return found;
}

int main(int argc, char** argv) {
  const int rounds = argc > 1 ? atoi(argv[1]) : 100;
  ur_worker_options options;
  ur_worker* worker;
  ur_worker_options_init(&options);
  if (ur_worker_new(&options, &worker) != UR_OK) return 1;
  for (int i = 1; i <= rounds; i++) {
    ur_exchange* exchange = NULL;
    ur_slot slot;
    int result = ur_worker_attach(worker, 30000);
    if (i == rounds / 2) ur_worker_fd(worker);
    if (result == UR_OK) result = ur_worker_next(worker, 0, &exchange);
    if (result == UR_OK) result = ur_reader_next(ur_exchange_request(exchange), 0, &slot);
    if (result < 0 && result != UR_EMPTY) {
      printf("%s\n", ur_error_name(result));
      return 1;
    }
    /* Before and after, in turn. */
    if (i % 2) ur_exchange_close(exchange);
    ur_worker_detach(worker);
    if (!(i % 2)) ur_exchange_close(exchange);
    if (i == rounds / 10 || i == rounds) printf("%d %ld\n", descriptors(), private_kb());
  }
  ur_worker_free(worker);
  return 0;
}
