#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>

// The library calls its own functions by these names: ours must not get in between.
#pragma GCC visibility push(hidden)
#include "CPostgres.h"
#pragma GCC visibility pop

#define EACH_FUNCTION(DO)                                                                                              \
    DO(PQclear) DO(PQcmdTuples) DO(PQconnectPoll) DO(PQconnectStartParams) DO(PQconninfoFree) DO(PQconninfoParse)      \
    DO(PQconsumeInput) DO(PQerrorMessage) DO(PQfinish) DO(PQflush) DO(PQgetResult) DO(PQgetisnull) DO(PQgetlength)     \
    DO(PQgetvalue) DO(PQisBusy) DO(PQnfields) DO(PQntuples) DO(PQparameterStatus) DO(PQresultErrorField)               \
    DO(PQresultStatus) DO(PQsendQueryParams) DO(PQsetErrorVerbosity) DO(PQsetNoticeReceiver) DO(PQsetnonblocking)      \
    DO(PQsocket) DO(PQstatus) DO(PQtransactionStatus)

#define MEMBER(name) __typeof__(&name) name;
static struct {
    EACH_FUNCTION(MEMBER)
} libpq;

static char problem[256];

static void load(void) {
    void *library = dlopen("libpq.so.5", RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) {
        snprintf(problem, sizeof problem, "%s", dlerror());
        return;
    }
#define FIND(name)                                                                                                     \
    libpq.name = (__typeof__(&name))dlsym(library, #name);                                                             \
    if (libpq.name == NULL) {                                                                                          \
        snprintf(problem, sizeof problem, "%s", dlerror());                                                            \
        return;                                                                                                        \
    }
    EACH_FUNCTION(FIND)
}

const char *CPostgres_load(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, load);
    return problem[0] == 0 ? NULL : problem;
}

PGconn *PQconnectStartParams(const char *const *keywords, const char *const *values, int expandsDatabase) {
    return libpq.PQconnectStartParams(keywords, values, expandsDatabase);
}

PostgresPollingStatusType PQconnectPoll(PGconn *connection) { return libpq.PQconnectPoll(connection); }

void PQfinish(PGconn *connection) { libpq.PQfinish(connection); }

PQconninfoOption *PQconninfoParse(const char *text, char **message) { return libpq.PQconninfoParse(text, message); }

void PQconninfoFree(PQconninfoOption *options) { libpq.PQconninfoFree(options); }

ConnStatusType PQstatus(const PGconn *connection) { return libpq.PQstatus(connection); }

PGTransactionStatusType PQtransactionStatus(const PGconn *connection) { return libpq.PQtransactionStatus(connection); }

const char *PQparameterStatus(const PGconn *connection, const char *name) {
    return libpq.PQparameterStatus(connection, name);
}

char *PQerrorMessage(const PGconn *connection) { return libpq.PQerrorMessage(connection); }

int PQsocket(const PGconn *connection) { return libpq.PQsocket(connection); }

PGVerbosity PQsetErrorVerbosity(PGconn *connection, PGVerbosity verbosity) {
    return libpq.PQsetErrorVerbosity(connection, verbosity);
}

PQnoticeReceiver PQsetNoticeReceiver(PGconn *connection, PQnoticeReceiver receiver, void *argument) {
    return libpq.PQsetNoticeReceiver(connection, receiver, argument);
}

int PQsetnonblocking(PGconn *connection, int isNonblocking) {
    return libpq.PQsetnonblocking(connection, isNonblocking);
}

int PQsendQueryParams(
    PGconn *connection, const char *command, int count, const Oid *types, const char *const *values, const int *lengths,
    const int *formats, int resultFormat) {
    return libpq.PQsendQueryParams(connection, command, count, types, values, lengths, formats, resultFormat);
}

PGresult *PQgetResult(PGconn *connection) { return libpq.PQgetResult(connection); }

int PQisBusy(PGconn *connection) { return libpq.PQisBusy(connection); }

int PQconsumeInput(PGconn *connection) { return libpq.PQconsumeInput(connection); }

int PQflush(PGconn *connection) { return libpq.PQflush(connection); }

ExecStatusType PQresultStatus(const PGresult *result) { return libpq.PQresultStatus(result); }

char *PQresultErrorField(const PGresult *result, int field) { return libpq.PQresultErrorField(result, field); }

int PQntuples(const PGresult *result) { return libpq.PQntuples(result); }

int PQnfields(const PGresult *result) { return libpq.PQnfields(result); }

char *PQcmdTuples(PGresult *result) { return libpq.PQcmdTuples(result); }

char *PQgetvalue(const PGresult *result, int row, int column) { return libpq.PQgetvalue(result, row, column); }

int PQgetlength(const PGresult *result, int row, int column) { return libpq.PQgetlength(result, row, column); }

int PQgetisnull(const PGresult *result, int row, int column) { return libpq.PQgetisnull(result, row, column); }

void PQclear(PGresult *result) { libpq.PQclear(result); }
