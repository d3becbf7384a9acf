#include <dirent.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "load.h"

/* The scheduler counts in nanoseconds; the ticks of /proc/PID/stat are far too coarse. */
double process_cpu_us(int pid) {
  char path[512];
  double total = 0;
  snprintf(path, sizeof path, "/proc/%d/task", pid);
  DIR *tasks = opendir(path);
  if (tasks == NULL) load_fail("the server (process %d) is gone", pid);
  for (struct dirent *task; (task = readdir(tasks)) != NULL;) {
    unsigned long long ns = 0;
    if (task->d_name[0] == '.') continue;
    snprintf(path, sizeof path, "/proc/%d/task/%s/schedstat", pid, task->d_name);
    FILE *file = fopen(path, "r");
    if (file == NULL) continue; /* a thread that just ended */
    if (fscanf(file, "%llu", &ns) == 1) total += (double)ns / 1000;
    fclose(file);
  }
  closedir(tasks);
  return total;
}

uint64_t process_rss(int pid) {
  char path[64];
  unsigned long long pages = 0;
  snprintf(path, sizeof path, "/proc/%d/statm", pid);
  FILE *file = fopen(path, "r");
  if (file == NULL || fscanf(file, "%*u %llu", &pages) != 1) {
    load_fail("the server (process %d) is gone", pid);
  }
  fclose(file);
  return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

double now_us(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}
