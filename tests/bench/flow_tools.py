"""The queries of the case flow_queries in each tool, as cells: SQL for Flowdeck, Python for the others.

Every cell prints its rows; the case compares them. What a tool reads once and keeps (a connection, a lazy frame) is in
its SETUP. Beacon scores: regularity of the gaps between the different seconds of a pair, after RITA, the same formula
in all tools.
"""

from dataclasses import dataclass

from flow_data import HOST, NETWORK

# Two octets of NETWORK, as text begins.
PREFIX = NETWORK.split("0.0/")[0]


@dataclass(frozen=True)
class Query:
    name: str
    title: str
    flowdeck: str
    duckdb: str
    polars: str
    pandas: str


# Cells to run first. FLOWS and DOMAINS are paths.
SETUP = {
    "flowdeck": """%%sql
CREATE OR REPLACE VIEW f AS SELECT * FROM read_log('FLOWS');
CREATE OR REPLACE VIEW domains AS SELECT * FROM read_log('DOMAINS');""",
    "duckdb": """import duckdb
con = duckdb.connect()
con.execute("SET TimeZone = 'UTC'")
con.execute("CREATE VIEW f AS SELECT * FROM 'FLOWS'")
con.execute("CREATE VIEW domains AS SELECT * FROM 'DOMAINS'")
def show(sql):
    for row in con.execute(sql).fetchall(): print(*row)""",
    "polars": """import polars as pl
f, domains = pl.scan_parquet('FLOWS'), pl.scan_parquet('DOMAINS')
def show(frame):
    for row in frame.collect().iter_rows(): print(*row)""",
    "pandas": """import pandas as pd
def flows(*columns, filters=None): return pd.read_parquet('FLOWS', columns=list(columns), filters=filters)
def domains(): return pd.read_parquet('DOMAINS')
def show(frame):
    for row in frame.itertuples(index=False): print(*row)""",
}

_REGULARITY_SQL = """round((1 - abs(CASE WHEN q3 - q1 < 10 OR q2 = q1 OR q2 = q3 THEN 0.0
    ELSE (q1 + q3 - 2 * q2) / (q3 - q1) END)
    + CASE WHEN q2 < 1 THEN 1.0 ELSE greatest(0.0, (q2 - mad) / q2) END) / 2, 3)"""

QUERIES = [
    Query(
        "one_host",
        "one host",
        f"SELECT count(*), sum(bytes) FROM f WHERE src_ip = '{HOST}'",
        f"SELECT count(*), sum(bytes) FROM f WHERE src_text = '{HOST}'",
        f"f.filter(pl.col('src_text') == '{HOST}').select(pl.len(), pl.sum('bytes'))",
        f"x = flows('bytes', filters=[('src_text', '==', '{HOST}')]); print(len(x), x.bytes.sum())",
    ),
    Query(
        "one_network",
        "one /16",
        f"SELECT count(*), sum(bytes) FROM f WHERE src_ip = '{NETWORK}'",
        f"SELECT count(*), sum(bytes) FROM f WHERE starts_with(src_text, '{PREFIX}')",
        f"f.filter(pl.col('src_text').str.starts_with('{PREFIX}')).select(pl.len(), pl.sum('bytes'))",
        f"x = flows('src_text', 'bytes'); x = x[x.src_text.str.startswith('{PREFIX}')]; print(len(x), x.bytes.sum())",
    ),
    Query(
        "top_sources",
        "top 10 sources",
        "SELECT src_ip, sum(bytes) AS n FROM f GROUP BY src_ip ORDER BY n DESC, src_ip LIMIT 10",
        "SELECT src_text, sum(bytes) AS n FROM f GROUP BY src_text ORDER BY n DESC LIMIT 10",
        "f.group_by('src_text').agg(pl.sum('bytes')).sort('bytes', descending=True).head(10)",
        "show(flows('src_text', 'bytes').groupby('src_text', sort=False).bytes.sum().nlargest(10).reset_index())",
    ),
    Query(
        "top_pairs",
        "top 10 pairs",
        "SELECT src_ip, dst_ip, sum(bytes) AS n FROM f GROUP BY src_ip, dst_ip ORDER BY n DESC LIMIT 10",
        "SELECT src_text, dst_text, sum(bytes) AS n FROM f GROUP BY src_text, dst_text ORDER BY n DESC LIMIT 10",
        "f.group_by('src_text', 'dst_text').agg(pl.sum('bytes')).sort('bytes', descending=True).head(10)",
        "x = flows('src_text', 'dst_text', 'bytes').groupby(['src_text', 'dst_text'], sort=False).bytes.sum()\n"
        "show(x.nlargest(10).reset_index())",
    ),
    Query(
        "horizontal_scan",
        "scan: destinations per source and port",
        "SELECT src_ip, dst_port, count(DISTINCT dst_ip) AS n FROM f GROUP BY src_ip, dst_port "
        "ORDER BY n DESC, src_ip, dst_port LIMIT 10",
        "SELECT src_text, dst_port, count(DISTINCT dst_text) AS n FROM f GROUP BY src_text, dst_port "
        "ORDER BY n DESC LIMIT 10",
        "f.group_by('src_text', 'dst_port').agg(pl.n_unique('dst_text').alias('n')).sort('n', descending=True).head(10)",
        "x = flows('src_text', 'dst_port', 'dst_text').groupby(['src_text', 'dst_port'], sort=False).dst_text.nunique()\n"
        "show(x.nlargest(10).reset_index())",
    ),
    Query(
        "series_of_host",
        "minutes of one host",
        "SELECT CAST(date_trunc('minute', start_time) AS TIMESTAMP) AS t, sum(bytes) FROM f "
        f"WHERE src_ip = '{HOST}' OR dst_ip = '{HOST}' GROUP BY t ORDER BY t LIMIT 10",
        "SELECT date_trunc('minute', start_time) AS t, sum(bytes) FROM f "
        f"WHERE src_text = '{HOST}' OR dst_text = '{HOST}' GROUP BY t ORDER BY t LIMIT 10",
        f"f.filter((pl.col('src_text') == '{HOST}') | (pl.col('dst_text') == '{HOST}'))"
        ".group_by(pl.col('start_time').dt.truncate('1m')).agg(pl.sum('bytes')).sort('start_time').head(10)",
        f"x = flows('start_time', 'bytes', filters=[[('src_text', '==', '{HOST}')], [('dst_text', '==', '{HOST}')]])\n"
        "show(x.groupby(x.start_time.dt.floor('min')).bytes.sum().head(10).reset_index())",
    ),
    Query(
        "domain_list",
        "join with a list of a million domains",
        "SELECT count(*), sum(bytes) FROM f JOIN domains USING (domain) WHERE rank <= 900000",
        "SELECT count(*), sum(bytes) FROM f JOIN domains USING (domain) WHERE rank <= 900000",
        "f.join(domains.filter(pl.col('rank') <= 900000), on='domain').select(pl.len(), pl.sum('bytes'))",
        "d = domains(); x = flows('domain', 'bytes').merge(d[d['rank'] <= 900000], on='domain')\n"
        "print(len(x), x.bytes.sum())",
    ),
    Query(
        "beacons",
        "beacon score of all pairs",
        "SELECT beacon_score(start_time, bytes)['ts_score'] AS score, count(*) AS n FROM f "
        "GROUP BY src_ip, dst_ip ORDER BY score DESC NULLS LAST, n DESC LIMIT 10",
        f"""WITH s AS (SELECT src_text, dst_text, floor(epoch(start_time))::BIGINT AS second, count(*) AS n FROM f GROUP BY ALL),
        g AS (SELECT src_text, dst_text, n, second - lag(second) OVER (PARTITION BY src_text, dst_text ORDER BY second) AS gap FROM s),
        q AS (SELECT src_text, dst_text, sum(n) AS n, count(gap) AS gaps, quantile_cont(gap, [0.25, 0.5, 0.75]) AS q,
            mad(gap::DOUBLE) AS mad FROM g GROUP BY src_text, dst_text HAVING count(gap) >= 3),
        v AS (SELECT *, q[1] AS q1, q[2] AS q2, q[3] AS q3 FROM q)
        SELECT {_REGULARITY_SQL} AS score, n FROM v ORDER BY score DESC, n DESC LIMIT 10""",
        """f.select('src_text', 'dst_text', second=pl.col('start_time').dt.epoch('s')).group_by('src_text', 'dst_text')
    .agg(n=pl.len(), gap=pl.col('second').unique().sort().diff().drop_nulls())
    .filter(pl.col('gap').list.len() >= 3).explode('gap').group_by('src_text', 'dst_text').agg(
        n=pl.first('n'), q1=pl.col('gap').quantile(0.25, 'linear'), q2=pl.col('gap').median(),
        q3=pl.col('gap').quantile(0.75, 'linear'), mad=(pl.col('gap') - pl.col('gap').median()).abs().median())
    .with_columns(skew=pl.when((pl.col('q3') - pl.col('q1') < 10) | (pl.col('q2') == pl.col('q1')) | (pl.col('q2') == pl.col('q3')))
        .then(0.0).otherwise((pl.col('q1') + pl.col('q3') - 2 * pl.col('q2')) / (pl.col('q3') - pl.col('q1'))),
        close=pl.when(pl.col('q2') < 1).then(1.0).otherwise(pl.max_horizontal(0.0, (pl.col('q2') - pl.col('mad')) / pl.col('q2'))))
    .select(((1 - pl.col('skew').abs() + pl.col('close')) / 2).round(3).alias('score'), 'n')
    .sort('score', 'n', descending=True).head(10)""",
        """x = flows('src_text', 'dst_text', 'start_time')
x['second'] = x.start_time.astype('int64') // (10**9 if x.start_time.dtype.unit == 'ns' else 10**6)
keys = ['src_text', 'dst_text']
n = x.groupby(keys, sort=False).size().rename('n')
x = x[[*keys, 'second']].drop_duplicates().sort_values([*keys, 'second'])
x['gap'] = x.groupby(keys, sort=False).second.diff()
x = x.dropna()
g = x.groupby(keys, sort=False).gap
q = g.quantile([0.25, 0.5, 0.75]).unstack()
q.columns = ['q1', 'q2', 'q3']
x['away'] = (x.gap - g.transform('median')).abs()
q['mad'] = x.groupby(keys, sort=False).away.median()
q = q[g.size() >= 3].join(n)
flat = (q.q3 - q.q1 < 10) | (q.q2 == q.q1) | (q.q2 == q.q3)
skew = ((q.q1 + q.q3 - 2 * q.q2) / (q.q3 - q.q1)).where(~flat, 0.0)
close = ((q.q2 - q.mad) / q.q2).clip(lower=0).where(q.q2 >= 1, 1.0)
q['score'] = ((1 - skew.abs() + close) / 2).round(3)
show(q.sort_values(['score', 'n'], ascending=False).head(10)[['score', 'n']])""",
    ),
]


def cell(tool: str, query: Query) -> str:
    """The query as a cell of that tool."""
    text = getattr(query, tool)
    return {"flowdeck": f"%%sql\n{text}", "duckdb": f'show("""{text}""")', "polars": f"show({text})"}.get(tool, text)
