/* Sends every upload back gzipped, while it is still being sent. zlib reads out of the request's shared
 * memory and writes into the response's: not one byte is copied on the way.
 * Arguments: how many requests at once (4). Ends at SIGTERM and SIGINT when it has finished. */

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <upload_response.h>
#include <zlib.h>

static ur_worker* worker;

static void on_signal(int number) {
  (void)number;
  ur_worker_stop(worker); /* allowed in a signal handler */
}

/* Publishes what zlib has written into the reserved slot. */
static int publish(ur_writer* out, z_stream* zip, size_t capacity) {
  const size_t length = capacity - zip->avail_out;
  zip->avail_out = 0;
  return ur_writer_commit(out, length);
}

/* Runs zlib until it wants more input, or with Z_FINISH until it is done. */
static int compress_part(ur_writer* out, z_stream* zip, int flush) {
  int result, state;
  size_t capacity = 0;
  do {
    void* memory;
    if ((result = ur_writer_reserve(out, -1, &memory, &capacity)) < 0) return result;
    zip->next_out = memory;
    zip->avail_out = (uInt)capacity;
    state = deflate(zip, flush);
    const int full = zip->avail_out == 0;
    if ((result = publish(out, zip, capacity)) < 0) return result;
    if (!full) break;
  } while (state == Z_OK);
  return state == Z_STREAM_ERROR ? UR_WORKER_FAILED : UR_OK;
}

static int compress_body(ur_reader* in, ur_writer* out, z_stream* zip) {
  ur_slot slot;
  int found;
  for (;;) {
    found = ur_reader_next(in, 0, &slot);
    if (found == UR_EMPTY) {
      /* The client is slow: it gets what there is before this thread waits for more. */
      if ((found = compress_part(out, zip, Z_SYNC_FLUSH)) < 0) return found;
      found = ur_reader_next(in, -1, &slot);
    }
    if (found <= 0) break;
    zip->next_in = (Bytef*)slot.data; /* zlib only reads; the memory is read-only */
    zip->avail_in = (uInt)slot.length;
    if ((found = compress_part(out, zip, Z_NO_FLUSH)) < 0) return found;
    /* From here on the slot is somebody else's. */
    if ((found = ur_reader_ack(in, slot.id)) < 0) return found;
  }
  return found < 0 ? found : compress_part(out, zip, Z_FINISH);
}

static int answer(ur_exchange* exchange) {
  const ur_header headers[] = {{"content-type", "application/gzip", 0, 0}};
  ur_writer* out = ur_exchange_response(exchange);
  z_stream zip;
  int result;
  memset(&zip, 0, sizeof zip);
  if (deflateInit2(&zip, Z_BEST_SPEED, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
    return UR_OUT_OF_MEMORY;
  }
  result = ur_exchange_respond(exchange, 200, headers, 1);
  if (result == UR_OK) result = compress_body(ur_exchange_request(exchange), out, &zip);
  if (result == UR_OK) result = ur_writer_end(out, -1);
  deflateEnd(&zip);
  return result;
}

static void* serve(void* unused) {
  ur_exchange* exchange;
  (void)unused;
  while (ur_worker_next(worker, -1, &exchange) == UR_OK) {
    const int result = answer(exchange);
    if (result < 0) fprintf(stderr, "%s: %s\n", ur_error_name(result), ur_strerror(result));
    ur_exchange_close(exchange); /* without an end the client gets a 502, or a reset */
  }
  return NULL;
}

int main(int argc, char** argv) {
  pthread_t threads[64];
  ur_worker_options options;
  int count = argc > 1 ? atoi(argv[1]) : 4;
  int result;
  if (count < 1 || count > 64) count = 4;
  ur_worker_options_init(&options);
  options.name = "gzip";
  options.capacity = (uint32_t)count;
  result = ur_worker_new(&options, &worker);
  if (result == UR_OK) {
    signal(SIGTERM, on_signal);
    signal(SIGINT, on_signal);
    /* Waits for the server; comes back when it restarts. */
    while ((result = ur_worker_attach(worker, -1)) == UR_OK) {
      for (int i = 0; i < count; i++) pthread_create(&threads[i], NULL, serve, NULL);
      for (int i = 0; i < count; i++) pthread_join(threads[i], NULL);
    }
    ur_worker_free(worker);
  }
  if (result == UR_SHUTTING_DOWN) return 0;
  fprintf(stderr, "%s %s. %s\n", ur_strerror(result), ur_error_detail(), ur_error_remedy(result));
  return 1;
}
