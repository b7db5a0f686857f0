/* A worker for tests. Arguments: the mode and how many threads. It writes a line for each event to
 * standard output, and ends in an orderly way at SIGTERM.
 *
 * echo     sends the body back while it arrives
 * count    answers with the number of bytes and their sum modulo 2^32, and the trailer x-sum
 * slow     as count, after a pause of 20 ms for each slot
 * hang     claims, begins an answer if the path is /upload/begun, and then waits for the client's end
 * die      claims, and kills itself
 * veto     is the required observer "scan": refuses a body with the byte '!'
 * events   as count, in one thread with poll() and nothing that waits
 */
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <upload_response.h>

static ur_worker* worker;
static const char* mode;

static void stop(int number) {
  (void)number;
  ur_worker_stop(worker);
}

static void say(const char* what, int error) {
  printf("%s %s\n", what, ur_error_name(error));
  fflush(stdout);
}

static void pause_ms(long count) {
  const struct timespec time = {count / 1000, count % 1000 * 1000000};
  nanosleep(&time, NULL);
}

/* What is known of a body that is being read. */
typedef struct tally {
  ur_exchange* exchange;
  uint32_t sum;
  size_t size;
  int ended;
} tally;

static void add(tally* to, const ur_slot* slot) {
  for (size_t i = 0; i < slot->length; i++) to->sum += slot->data[i];
  to->size += slot->length;
}

static int answer_tally(const tally* of) {
  char text[64], sum[16];
  const int length = snprintf(text, sizeof text, "%zu bytes, sum %u\n", of->size, of->sum);
  snprintf(sum, sizeof sum, "%u", of->sum);
  const ur_header headers[] = {{"content-type", "text/plain", 0, 0}, {"trailer", "x-sum", 0, 0}};
  const ur_header trailers[] = {{"x-sum", sum, 0, 0}};
  ur_writer* writer = ur_exchange_response(of->exchange);
  int result = ur_exchange_respond(of->exchange, 200, headers, 2);
  if (result == UR_OK) result = (int)ur_writer_write(writer, text, (size_t)length, -1);
  if (result >= 0) result = ur_writer_trailers(writer, trailers, 1, -1);
  if (result == UR_OK) result = ur_writer_end(writer, -1);
  return result;
}

static int count_body(ur_exchange* exchange) {
  tally tally = {exchange, 0, 0, 0};
  ur_reader* reader = ur_exchange_request(exchange);
  ur_slot slot;
  int found;
  while ((found = ur_reader_next(reader, -1, &slot)) == 1) {
    add(&tally, &slot);
    if (strcmp(mode, "slow") == 0) pause_ms(20);
    if ((found = ur_reader_ack(reader, slot.id)) < 0) break;
  }
  return found < 0 ? found : answer_tally(&tally);
}

static int echo(ur_exchange* exchange) {
  ur_reader* reader = ur_exchange_request(exchange);
  ur_writer* writer = ur_exchange_response(exchange);
  ur_slot slot;
  int found = ur_exchange_respond(exchange, 200, NULL, 0);
  while (found >= 0 && (found = ur_reader_next(reader, -1, &slot)) == 1) {
    const int64_t written = ur_writer_write(writer, slot.data, slot.length, -1);
    found = written < 0 ? (int)written : ur_reader_ack(reader, slot.id);
  }
  return found < 0 ? found : ur_writer_end(writer, -1);
}

static int judge(ur_exchange* exchange) {
  ur_reader* reader = ur_exchange_request(exchange);
  ur_slot slot;
  int found;
  while ((found = ur_reader_next(reader, -1, &slot)) == 1) {
    if (memchr(slot.data, '!', slot.length)) return ur_exchange_veto(exchange, 422, "shouting");
    if ((found = ur_reader_ack(reader, slot.id)) < 0) break;
  }
  return found < 0 ? found : ur_exchange_accept(exchange);
}

static int hang(ur_exchange* exchange) {
  int result = UR_OK;
  if (strcmp(ur_exchange_head(exchange)->path, "/upload/begun") == 0) {
    result = ur_exchange_respond(exchange, 200, NULL, 0);
    if (result == UR_OK) result = (int)ur_writer_write(ur_exchange_response(exchange), "x", 1, -1);
  }
  if (result < 0) return result;
  while ((result = ur_exchange_status(exchange)) == UR_OK) ur_exchange_wait(exchange, 1000);
  return result;
}

static int work(ur_exchange* exchange) {
  if (strcmp(mode, "echo") == 0) return echo(exchange);
  if (strcmp(mode, "die") == 0) return raise(SIGKILL);
  if (strcmp(mode, "veto") == 0) return judge(exchange);
  if (strcmp(mode, "hang") == 0) return hang(exchange);
  return count_body(exchange);
}

static void* take(void* unused) {
  ur_exchange* exchange;
  int result;
  (void)unused;
  while ((result = ur_worker_next(worker, -1, &exchange)) == UR_OK) {
    result = work(exchange);
    if (result < 0) say("failed", result);
    ur_exchange_close(exchange);
  }
  say("next", result);
  return NULL;
}

/* Reads what there is; 1 when the exchange is over. */
static int advance(tally* of) {
  ur_reader* reader = ur_exchange_request(of->exchange);
  ur_slot slot;
  int found;
  while ((found = ur_reader_next(reader, 0, &slot)) == 1) {
    add(of, &slot);
    if ((found = ur_reader_ack(reader, slot.id)) < 0) break;
  }
  if (found == UR_EMPTY) return 0;
  if (found == 0) found = answer_tally(of);
  if (found < 0) say("failed", found);
  ur_exchange_close(of->exchange);
  return 1;
}

static int serve_events(void) {
  tally open[16];
  int count = 0;
  struct pollfd watched = {ur_worker_fd(worker), POLLIN, 0};
  for (;;) {
    uint64_t ids[16];
    int result;
    poll(&watched, 1, -1);
    while (ur_worker_rung(worker, ids, 16) == 16) continue;
    while (count < 16) {
      const tally fresh = {NULL, 0, 0, 0};
      open[count] = fresh;
      if ((result = ur_worker_next(worker, 0, &open[count].exchange)) != UR_OK) break;
      count++;
    }
    for (int i = 0; i < count;) {
      if (advance(&open[i])) {
        open[i] = open[--count];
      } else {
        i++;
      }
    }
    if (result != UR_EMPTY && result != UR_OK && count == 0) return result;
  }
}

static int serve(int threads) {
  pthread_t started[64];
  int result;
  if (strcmp(mode, "events") == 0) return serve_events();
  for (int i = 0; i < threads; i++) pthread_create(&started[i], NULL, take, NULL);
  for (int i = 0; i < threads; i++) pthread_join(started[i], NULL);
  ur_exchange* none;
  result = ur_worker_next(worker, 0, &none);
  return result;
}

int main(int argc, char** argv) {
  ur_worker_options options;
  int result;
  mode = argc > 1 ? argv[1] : "count";
  ur_worker_options_init(&options);
  if (strcmp(mode, "veto") == 0) {
    options.role = UR_ROLE_OBSERVER;
    options.observer = "scan";
  }
  result = ur_worker_new(&options, &worker);
  if (result != UR_OK) {
    fprintf(stderr, "%s: %s\n", ur_strerror(result), ur_error_detail());
    return 1;
  }
  signal(SIGTERM, stop);
  do {
    result = ur_worker_attach(worker, -1);
    if (result != UR_OK) break;
    say("attached", result);
    result = serve(argc > 2 ? atoi(argv[2]) : 1);
  } while (result == UR_SERVER_GONE);
  say("end", result);
  ur_worker_free(worker);
  return result == UR_SHUTTING_DOWN ? 0 : 1;
}
