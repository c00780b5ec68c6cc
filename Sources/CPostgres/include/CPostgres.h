/// PostgreSQL's client library, loaded when it is asked for.
///
/// libpq brings some twenty other libraries (Kerberos, LDAP, two of TLS), which would take 5 MB of every node that keeps its
/// accounts in SQLite. So it is not linked: `CPostgres_load` finds it when accounts in PostgreSQL are wanted, and what
/// is declared by libpq's own header calls it from then on.
#pragma once

#if __has_include(<libpq-fe.h>)
#include <libpq-fe.h>
#else
#include <postgresql/libpq-fe.h>
#endif

/// Loads the library, once: any thread may call, as often as it likes. Before it has succeeded nothing else of this
/// module may be called.
///
/// Returns NULL, or what is wrong in one line that lives as long as the process.
const char *CPostgres_load(void);
