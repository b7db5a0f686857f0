/* The worker of bench:workers in C. Usage: worker ring|unix|http SOCKET echo|ages. Prints where it can be
 * reached once it is ready, serves one request, and ends with its standard input. ../README.md says what
 * goes in and out. */

#include <arpa/inet.h>
#include <inttypes.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>
#include <upload_response.h>

#include "xxhash.h"
#if defined(__x86_64__)
#include "xxh_x86dispatch.h"
#endif

enum { BUFFER = 256 * 1024, REPORT = 512, MESSAGE = 64, MAX_AGES = 1 << 16 };

/* Where a request comes from. next: bytes, 0 at the end. done: they may be overwritten. */
typedef struct source {
  ssize_t (*next)(struct source*, const char** data);
  void (*done)(struct source*);
  void (*write)(struct source*, const void* data, size_t length);
  int socket;
  uint64_t left; /* bytes of the body */
  char buffer[BUFFER];
  ur_exchange* exchange;
  ur_slot slot;
} source;

static source from;
static uint64_t ages[MAX_AGES];

static void die(const char* what) {
  perror(what);
  exit(1);
}

static uint64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * 1000000000U + (uint64_t)time.tv_nsec;
}

static double cpu_seconds(void) {
  struct rusage used;
  getrusage(RUSAGE_SELF, &used);
  return (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
         (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

static ssize_t next_slot(source* s, const char** data) {
  const int result = ur_reader_next(ur_exchange_request(s->exchange), -1, &s->slot);
  if (result < 0) {
    fprintf(stderr, "%s\n", ur_strerror(result));
    exit(1);
  }
  *data = (const char*)s->slot.data;
  return result == 0 ? 0 : (ssize_t)s->slot.length;
}

static void done_slot(source* s) {
  (void)ur_reader_ack(ur_exchange_request(s->exchange), s->slot.id);
}

static void write_ring(source* s, const void* data, size_t length) {
  if (ur_writer_write(ur_exchange_response(s->exchange), data, length, -1) < 0) exit(1);
}

static ssize_t next_socket(source* s, const char** data) {
  const size_t wanted = s->left < BUFFER ? (size_t)s->left : BUFFER;
  if (wanted == 0) return 0;
  const ssize_t got = recv(s->socket, s->buffer, wanted, 0);
  if (got <= 0) die("recv");
  s->left -= (uint64_t)got;
  *data = s->buffer;
  return got;
}

static void done_socket(source* s) { (void)s; }

static void write_socket(source* s, const void* data, size_t length) {
  while (length > 0) {
    const ssize_t sent = send(s->socket, data, length, MSG_NOSIGNAL);
    if (sent < 0) die("send");
    data = (const char*)data + sent;
    length -= (size_t)sent;
  }
}

/* Hashes and sends back, or notes how old each message is; a report of REPORT bytes follows. */
static void work(source* s, int echo) {
  const double before = cpu_seconds();
  XXH3_state_t* hash = XXH3_createState();
  uint64_t bytes = 0;
  size_t count = 0;
  const char* data;
  ssize_t length;
  char report[REPORT];
  XXH3_64bits_reset(hash);
  while ((length = s->next(s, &data)) > 0) {
    if (echo) {
      XXH3_64bits_update(hash, data, (size_t)length);
      s->write(s, data, (size_t)length);
    }
    for (ssize_t at = 0; !echo && at + MESSAGE <= length && count < MAX_AGES; at += MESSAGE) {
      uint64_t stamp;
      memcpy(&stamp, data + at, sizeof stamp);
      ages[count++] = now() - stamp;
    }
    bytes += (uint64_t)length;
    s->done(s);
  }
  if (!echo) s->write(s, ages, count * sizeof ages[0]);
  memset(report, ' ', sizeof report);
  const int used = snprintf(report, sizeof report,
                            "{\"bytes\":%" PRIu64 ",\"hash\":\"%016" PRIx64 "\",\"cpuSeconds\":%.6f}",
                            bytes, (uint64_t)XXH3_64bits_digest(hash), cpu_seconds() - before);
  report[used] = ' ';
  s->write(s, report, sizeof report);
  XXH3_freeState(hash);
}

static void serve_ring(const char* socket_path, int echo) {
  ur_worker* worker = NULL;
  ur_worker_options options;
  ur_worker_options_init(&options);
  options.socket = socket_path;
  if (ur_worker_new(&options, &worker) < 0 || ur_worker_attach(worker, 10000) < 0) exit(1);
  printf("ready\n");
  fflush(stdout);
  if (ur_worker_next(worker, -1, &from.exchange) < 0) exit(1);
  from.next = next_slot, from.done = done_slot, from.write = write_ring;
  if (ur_exchange_respond(from.exchange, 200, NULL, 0) < 0) exit(1);
  work(&from, echo);
  (void)ur_writer_end(ur_exchange_response(from.exchange), -1);
  ur_exchange_close(from.exchange);
  while (getchar() != EOF) continue;
  ur_worker_free(worker);
}

static void read_exactly(int socket, void* into, size_t length) {
  if (recv(socket, into, length, MSG_WAITALL) != (ssize_t)length) die("recv");
}

static void serve_unix(const char* path, int echo) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  const int listener = socket(AF_UNIX, SOCK_STREAM, 0);
  strncpy(address.sun_path, path, sizeof address.sun_path - 1);
  if (bind(listener, (struct sockaddr*)&address, sizeof address) < 0) die("bind");
  listen(listener, 1);
  printf("ready\n");
  fflush(stdout);
  from.socket = accept(listener, NULL, NULL);
  read_exactly(from.socket, &from.left, sizeof from.left);
  from.next = next_socket, from.done = done_socket, from.write = write_socket;
  work(&from, echo);
  shutdown(from.socket, SHUT_WR);
}

/* Reads a head byte by byte: it is some 200 bytes, once. */
static uint64_t read_content_length(int socket) {
  char head[4096];
  size_t length = 0;
  while (length < 4 || memcmp(head + length - 4, "\r\n\r\n", 4) != 0) {
    if (length == sizeof head - 1) exit(1);
    read_exactly(socket, head + length++, 1);
  }
  head[length] = 0;
  for (const char* line = head; line; line = strchr(line, '\n')) {
    if (*line == '\n') line++;
    if (strncasecmp(line, "content-length:", 15) == 0) return strtoull(line + 15, NULL, 10);
  }
  exit(1);
}

static void serve_http(int echo) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
  socklen_t size = sizeof address;
  const int listener = socket(AF_INET, SOCK_STREAM, 0), on = 1;
  if (bind(listener, (struct sockaddr*)&address, sizeof address) < 0) die("bind");
  listen(listener, 1);
  getsockname(listener, (struct sockaddr*)&address, &size);
  printf("%d\n", ntohs(address.sin_port));
  fflush(stdout);
  from.socket = accept(listener, NULL, NULL);
  setsockopt(from.socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  from.left = read_content_length(from.socket);
  const uint64_t answer = (echo ? from.left : from.left / MESSAGE * sizeof ages[0]) + REPORT;
  char head[128];
  const int length = snprintf(head, sizeof head,
                              "HTTP/1.1 200 OK\r\nContent-Length: %" PRIu64 "\r\n\r\n", answer);
  from.next = next_socket, from.done = done_socket, from.write = write_socket;
  write_socket(&from, head, (size_t)length);
  work(&from, echo);
}

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  const int echo = strcmp(argv[3], "echo") == 0;
  if (strcmp(argv[1], "ring") == 0) {
    serve_ring(argv[2], echo);
    return 0;
  }
  if (strcmp(argv[1], "unix") == 0) serve_unix(argv[2], echo);
  else serve_http(echo);
  while (getchar() != EOF) continue;
  return 0;
}
