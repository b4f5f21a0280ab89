/* Shifts the clock of a program that is started with it (LD_PRELOAD), by as many seconds as the
 * first eight bytes of the file `clock` in its working directory say, a signed number that may
 * change at any time. The monotonic clock goes on as it did.
 *
 * It allocates nothing and looks nothing up, so that an allocator may ask the time while it starts:
 * that is where libfaketime and the Redis of Debian stand in each other's way. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const volatile long *shift;

__attribute__((constructor)) static void open_clock(void) {
    int file = open("clock", O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (file < 0 || ftruncate(file, sizeof *shift) != 0)
        return;
    void *page = mmap(0, sizeof *shift, PROT_READ, MAP_SHARED, file, 0);
    close(file);
    if (page != MAP_FAILED)
        shift = page;
}

static long seconds(void) { return shift ? *shift : 0; }

int clock_gettime(clockid_t clock, struct timespec *at) {
    int failed = (int)syscall(SYS_clock_gettime, clock, at);
    if (!failed && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
        at->tv_sec += seconds();
    return failed;
}

int gettimeofday(struct timeval *restrict at, void *restrict zone) {
    int failed = (int)syscall(SYS_gettimeofday, at, zone);
    if (!failed)
        at->tv_sec += seconds();
    return failed;
}

time_t time(time_t *at) {
    struct timeval now = {0, 0};
    gettimeofday(&now, 0);
    if (at)
        *at = now.tv_sec;
    return now.tv_sec;
}
