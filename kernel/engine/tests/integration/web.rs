//! A web server on this machine for tests: files of a folder, in parts or not, quickly or not, and some answers on demand.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, UNIX_EPOCH};

/// Bytes between two pauses of a slow server.
const PIECE_BYTES: usize = 16 * 1024;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Manner {
    Parts,
    WholeOnly,
    Slow,
}

/// What it gave. Dropping it lets its thread wait for ever.
pub(crate) struct Counts {
    bytes: AtomicU64,
    requests: AtomicU64,
    whole: AtomicU64,
    /// Answers that are under way.
    pub(crate) open: AtomicU64,
}

pub(crate) struct Web {
    address: SocketAddr,
    counts: Arc<Counts>,
}

impl std::ops::Deref for Web {
    type Target = Counts;

    fn deref(&self) -> &Counts {
        &self.counts
    }
}

impl Web {
    pub(crate) fn of(folder: &Path) -> Web {
        Web::serve(folder, Manner::Parts)
    }

    pub(crate) fn without_ranges(folder: &Path) -> Web {
        Web::serve(folder, Manner::WholeOnly)
    }

    pub(crate) fn slow(folder: &Path) -> Web {
        Web::serve(folder, Manner::Slow)
    }

    /// A server that comes up where none was.
    pub(crate) fn at(address: SocketAddr, folder: &Path) -> Web {
        Web::listen(TcpListener::bind(address).expect("the port is free"), folder, Manner::Parts)
    }

    fn serve(folder: &Path, manner: Manner) -> Web {
        Web::listen(TcpListener::bind("127.0.0.1:0").expect("a port"), folder, manner)
    }

    fn listen(listener: TcpListener, folder: &Path, manner: Manner) -> Web {
        let address = listener.local_addr().expect("an address");
        let counts = Arc::new(Counts {
            bytes: AtomicU64::new(0),
            requests: AtomicU64::new(0),
            whole: AtomicU64::new(0),
            open: AtomicU64::new(0),
        });
        let (folder, shared) = (folder.to_owned(), Arc::clone(&counts));
        std::thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let (folder, counts) = (folder.clone(), Arc::clone(&shared));
                std::thread::spawn(move || {
                    let _ = answer(&connection, &folder, manner, &counts);
                });
            }
        });
        Web { address, counts }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    pub(crate) fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// Answers that were the whole of a file.
    pub(crate) fn whole_answers(&self) -> u64 {
        self.whole.load(Ordering::Relaxed)
    }

    pub(crate) fn forget(&self) {
        for count in [&self.bytes, &self.requests, &self.whole] {
            count.store(0, Ordering::Relaxed);
        }
    }
}

/// Requests of one connection, one after the other.
fn answer(mut connection: &TcpStream, folder: &Path, manner: Manner, counts: &Counts) -> std::io::Result<()> {
    let mut lines = BufReader::new(connection).lines();
    while let Some(line) = lines.next() {
        let line = line?;
        let mut range = None;
        for header in lines.by_ref() {
            let header = header?;
            if header.is_empty() {
                break;
            }
            if let Some(bounds) = header.to_lowercase().strip_prefix("range: bytes=") {
                let (start, end) = bounds.split_once('-').unwrap_or_default();
                range = start.parse::<usize>().ok().map(|start| (start, end.parse::<usize>().ok()));
            }
        }
        counts.requests.fetch_add(1, Ordering::Relaxed);
        let path = line.split(' ').nth(1).unwrap_or_default().split('?').next().unwrap_or_default();
        if let Some(status) = path.strip_prefix("/status/") {
            let body = "<Error><StringToSign>s3cr3t-of-a-test</StringToSign></Error>";
            write!(connection, "HTTP/1.1 {status} Odd\r\nContent-Length: {}\r\n\r\n{body}", body.len())?;
            continue;
        }
        if path == "/redirect" {
            write!(connection, "HTTP/1.1 302 Found\r\nLocation: http://192.0.2.1/x\r\nContent-Length: 0\r\n\r\n")?;
            continue;
        }
        let file: PathBuf = folder.join(path.trim_start_matches('/').replace("%20", " "));
        let range = range.filter(|_| manner != Manner::WholeOnly);
        counts.open.fetch_add(1, Ordering::Relaxed);
        let given = give(connection, &file, range, manner, counts);
        counts.open.fetch_sub(1, Ordering::Relaxed);
        given?;
    }
    Ok(())
}

fn give(
    mut connection: &TcpStream,
    file: &Path,
    range: Option<(usize, Option<usize>)>,
    manner: Manner,
    counts: &Counts,
) -> std::io::Result<()> {
    let Ok(content) = std::fs::read(file) else {
        return write!(connection, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
    };
    let age = std::fs::metadata(file)?.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
    let tag = format!("ETag: \"{}-{}\"\r\n", age.as_nanos(), content.len());
    let part = match range {
        Some((start, _)) if start >= content.len() => {
            return write!(connection, "HTTP/1.1 416 Range Not Satisfiable\r\nContent-Length: 0\r\n\r\n");
        }
        Some((start, end)) => {
            let end = end.map_or(content.len(), |end| (end + 1).min(content.len()));
            let all = content.len();
            write!(connection, "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes {start}-{}/{all}\r\n", end - 1)?;
            &content[start..end]
        }
        None => {
            counts.whole.fetch_add(1, Ordering::Relaxed);
            write!(connection, "HTTP/1.1 200 OK\r\n")?;
            &content[..]
        }
    };
    write!(connection, "{tag}Content-Length: {}\r\n\r\n", part.len())?;
    for piece in part.chunks(PIECE_BYTES) {
        connection.write_all(piece)?;
        counts.bytes.fetch_add(piece.len() as u64, Ordering::Relaxed);
        if manner == Manner::Slow {
            std::thread::sleep(Duration::from_millis(100));
        }
    }
    connection.flush()
}
