/* A PKCS#11 module as slow as an HSM in the network: SoftHSM, with a pause after each use of a key.
 *
 * cc -shared -fPIC -DMODULE='"/usr/lib/softhsm/libsofthsm2.so"' -DDELAY_MS=10 -o delaying.so delaying_module.c
 *
 * It supports threads: calls into SoftHSM, which does not, come one after another; the pauses of several callers run at
 * the same time.
 */

#include <dlfcn.h>
#include <pthread.h>
#include <stddef.h>
#include <time.h>

typedef unsigned long Word; /* every argument and result in CK_FUNCTION_LIST (PKCS#11 2.40) is passed as one */
typedef Word (*Function)(Word, Word, Word, Word, Word, Word, Word, Word);

#define COUNT 68 /* functions in CK_FUNCTION_LIST; eight arguments at most */
typedef struct {
    unsigned char version[2];
    Function functions[COUNT];
} List;

static List *softhsm;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static Word forward(int number, int pauses, Word a, Word b, Word c, Word d, Word e, Word f, Word g, Word h) {
    pthread_mutex_lock(&lock);
    Word result = softhsm->functions[number](a, b, c, d, e, f, g, h);
    pthread_mutex_unlock(&lock);
    if (pauses) {
        struct timespec left = {DELAY_MS / 1000, DELAY_MS % 1000 * 1000000L};
        while (nanosleep(&left, &left)) {
        }
    }
    return result;
}

#define FORWARD(number, pauses) \
    static Word f##number(Word a, Word b, Word c, Word d, Word e, Word f, Word g, Word h) { \
        return forward(number, pauses, a, b, c, d, e, f, g, h); \
    }
#define PLAIN(number) FORWARD(number, 0)

/* Without an output buffer a function tells only its size. */
FORWARD(30, d != 0) /* C_Encrypt */
FORWARD(34, d != 0) /* C_Decrypt */
FORWARD(43, d != 0) /* C_Sign */
FORWARD(60, e != 0) /* C_WrapKey */
FORWARD(61, 1)      /* C_UnwrapKey */
PLAIN(0) PLAIN(1) PLAIN(2) PLAIN(4) PLAIN(5) PLAIN(6) PLAIN(7) PLAIN(8) PLAIN(9) PLAIN(10) PLAIN(11) PLAIN(12)
PLAIN(13) PLAIN(14) PLAIN(15) PLAIN(16) PLAIN(17) PLAIN(18) PLAIN(19) PLAIN(20) PLAIN(21) PLAIN(22) PLAIN(23)
PLAIN(24) PLAIN(25) PLAIN(26) PLAIN(27) PLAIN(28) PLAIN(29) PLAIN(31) PLAIN(32) PLAIN(33) PLAIN(35) PLAIN(36)
PLAIN(37) PLAIN(38) PLAIN(39) PLAIN(40) PLAIN(41) PLAIN(42) PLAIN(44) PLAIN(45) PLAIN(46) PLAIN(47) PLAIN(48)
PLAIN(49) PLAIN(50) PLAIN(51) PLAIN(52) PLAIN(53) PLAIN(54) PLAIN(55) PLAIN(56) PLAIN(57) PLAIN(58) PLAIN(59)
PLAIN(62) PLAIN(63) PLAIN(64) PLAIN(65) PLAIN(66) PLAIN(67)

static Word get_function_list(List **);

static List list = {
    {2, 40},
    {
        f0, f1, f2, (Function)(void *)get_function_list, f4, f5, f6, f7, f8, f9, f10, f11, f12, f13, f14, f15, f16, f17, f18,
        f19, f20, f21, f22, f23, f24, f25, f26, f27, f28, f29, f30, f31, f32, f33, f34, f35, f36, f37, f38, f39, f40,
        f41, f42, f43, f44, f45, f46, f47, f48, f49, f50, f51, f52, f53, f54, f55, f56, f57, f58, f59, f60, f61, f62,
        f63, f64, f65, f66, f67,
    },
};

static Word get_function_list(List **answer) {
    *answer = &list;
    return 0;
}

/* The only function that a module must export by name. */
Word C_GetFunctionList(List **answer) {
    Word (*get)(List **) = NULL;
    void *library = dlopen(MODULE, RTLD_NOW | RTLD_LOCAL);
    if (library != NULL) {
        *(void **)&get = dlsym(library, "C_GetFunctionList");
    }
    if (get == NULL || get(&softhsm) != 0) {
        return 5; /* CKR_GENERAL_ERROR */
    }
    return get_function_list(answer);
}
