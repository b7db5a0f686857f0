// The program of the C library: ../../README.md says what it does. This part: what it says, and hears.

#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "program.h"

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t heard = PTHREAD_COND_INITIALIZER;
static int words;  // lines of standard input that nobody has taken

void report(const char* format, ...) {
  char line[256];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(line, sizeof line, format, arguments);
  va_end(arguments);
  pthread_mutex_lock(&mutex);
  printf("%s\n", line);
  fflush(stdout);
  pthread_mutex_unlock(&mutex);
}

void report_stream(const char* event, ur_exchange* exchange) {
  report("{\"event\":\"%s\",\"stream\":%llu}", event,
         (unsigned long long)ur_exchange_id(exchange));
}

void die(void) { kill(getpid(), SIGKILL); }

int dies(const char* when) {
  return strcmp(work, "die") == 0 && strcmp(argument, when) == 0;
}

// The end of the input ends the program: whoever started it has gone.
static void* read_words(void* unused) {
  char line[64];
  while (fgets(line, sizeof line, stdin)) {
    pthread_mutex_lock(&mutex);
    words++;
    pthread_cond_broadcast(&heard);
    pthread_mutex_unlock(&mutex);
  }
  _exit(0);
  return unused;
}

void wait_for_word(void) {
  pthread_mutex_lock(&mutex);
  while (words == 0) pthread_cond_wait(&heard, &mutex);
  words--;
  pthread_mutex_unlock(&mutex);
}

void listen_for_words(void) {
  pthread_t thread;
  pthread_create(&thread, NULL, read_words, NULL);
  pthread_detach(thread);
}
