// The program of the C library: ../../README.md says what it does. This part: taking streams.

#include <pthread.h>
#include <signal.h>
#include <string.h>

#include "program.h"

const char* work;
const char* argument = "";

static ur_worker* worker;

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int running;  // exchanges that are worked on

static void* run(void* context) {
  ur_exchange* exchange = context;
  report_stream("taken", exchange);
  const int result =
      ur_exchange_response(exchange) ? answer_as_told(exchange) : observe_as_told(exchange);
  if (result < 0) {
    report("{\"event\":\"failed\",\"stream\":%llu,\"code\":\"%s\"}",
           (unsigned long long)ur_exchange_id(exchange), ur_error_name(result));
  }
  ur_exchange_close(exchange);
  pthread_mutex_lock(&mutex);
  running--;
  pthread_cond_broadcast(&changed);
  pthread_mutex_unlock(&mutex);
  return NULL;
}

static void begin(ur_exchange* exchange) {
  pthread_t thread;
  pthread_mutex_lock(&mutex);
  running++;
  pthread_mutex_unlock(&mutex);
  pthread_create(&thread, NULL, run, exchange);
  pthread_detach(thread);
}

static void report_missed(uint64_t* known) {
  ur_worker_info info = {.size = sizeof info};
  if (ur_worker_info_get(worker, &info) < 0) return;
  for (; *known < info.missed; (*known)++) report("{\"event\":\"missed\"}");
}

// Takes streams until the server goes, or the worker stops; returns why.
static int take_streams(void) {
  uint64_t missed = 0;
  for (;;) {
    ur_exchange* exchange = NULL;
    const int result = ur_worker_next(worker, POLL_MS, &exchange);
    report_missed(&missed);
    if (result == 0) begin(exchange);
    else if (result != UR_EMPTY) return result;
  }
}

static void wait_for_all(void) {
  pthread_mutex_lock(&mutex);
  while (running > 0) pthread_cond_wait(&changed, &mutex);
  pthread_mutex_unlock(&mutex);
}

static void stop(int signal) {
  (void)signal;
  ur_worker_stop(worker);
}

static int die_before_claim(const ur_head* head, void* context) {
  (void)head, (void)context;
  if (dies("before-claim")) die();
  return 1;
}

static int work_until_stopped(void) {
  int result = ur_worker_attach(worker, 0);
  while (result == 0) {
    report("{\"event\":\"attached\"}");
    result = take_streams();
    if (result == UR_SERVER_GONE) {
      report("{\"event\":\"detached\"}");
      wait_for_all();
      result = ur_worker_attach(worker, FOREVER);
    }
  }
  wait_for_all();
  return result;
}

int main(int count, char** arguments) {
  if (count < 4) return 2;
  work = arguments[3];
  if (count > 4) argument = arguments[4];
  ur_worker_options options;
  ur_worker_options_init(&options);
  const char* role = arguments[2];
  options.socket = arguments[1];
  options.accept = die_before_claim;
  if (strcmp(work, "chaos") == 0) options.flags = UR_WORKER_VERIFY;
  if (strcmp(role, "responder") != 0) options.role = UR_ROLE_OBSERVER;
  if (strcmp(role, "late") == 0) options.flags |= UR_WORKER_FROM_KEYFRAME;
  if (strncmp(role, "required:", 9) == 0) options.observer = role + 9;
  int result = ur_worker_new(&options, &worker);
  if (result == 0) {
    listen_for_words();
    signal(SIGTERM, stop);
    result = work_until_stopped();
  }
  if (result != UR_SHUTTING_DOWN) {
    report("{\"event\":\"error\",\"code\":\"%s\"}", ur_error_name(result));
    return 1;
  }
  ur_worker_free(worker);
  return 0;
}
