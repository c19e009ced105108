//! Updates of real clones: nothing a person did is lost, and git agrees with what is left.

#![allow(clippy::unwrap_used)]

mod site;

use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::Path,
    sync::{Mutex, atomic::AtomicBool},
};

use playbooks::{
    Fault,
    plan::{Change, ChangeKind, Edit},
    update,
};
use site::{Site, notebook, snapshot, write};

#[test]
fn a_clone_becomes_what_the_upstream_is() {
    let site = Site::with(&[
        ("scans.ipynb", "1"),
        ("gone/deep/old.ipynb", "2"),
        ("tool.sh", "#!"),
        ("moved.txt", "moves along, and is long enough to be known again"),
        ("becomes-folder", "4"),
        ("becomes-file/x", "5"),
        ("becomes-link", "6"),
        ("same.ipynb", "7"),
    ]);
    let up = site.upstream();
    fs::set_permissions(up.join("tool.sh"), fs::Permissions::from_mode(0o755)).unwrap();
    fs::create_dir(up.join("sub")).unwrap();
    fs::rename(up.join("moved.txt"), up.join("sub/moved here.txt")).unwrap();
    for path in ["becomes-folder", "becomes-file/x", "becomes-link"] {
        fs::remove_file(up.join(path)).unwrap();
    }
    fs::remove_dir(up.join("becomes-file")).unwrap();
    symlink("scans.ipynb", up.join("becomes-link")).unwrap();
    let names = [("becomes-folder/y", "8"), ("becomes-file", "9"), ("é ü.ipynb", "10"), ("scans.ipynb", "11")];
    site.publish(&[&names[..], &[("gone/deep/old.ipynb", "")]].concat());

    assert_eq!(site.plan().edits, [], "nobody changed anything");
    let (updated, _) = site.update();
    site.assert_clean();
    assert_eq!((updated.kept, updated.branch), (None, None));
    assert!(!site.clone().join("gone").exists(), "folders that hold nothing any more go");
    assert_eq!(fs::metadata(site.clone().join("tool.sh")).unwrap().permissions().mode() & 0o100, 0o100);
    assert_eq!(site.update().1, ["there is nothing to update"]);
    assert_eq!(site.plan().edits, [], "a file that can be run is as git has it");
    fs::set_permissions(site.clone().join("tool.sh"), fs::Permissions::from_mode(0o644)).unwrap();
    assert_eq!(site.plan().edits.len(), 1, "and is changed when it cannot be run any more");
    fs::set_permissions(site.clone().join("tool.sh"), fs::Permissions::from_mode(0o755)).unwrap();
    // git looks at the times of files in the index: it must not have to read them.
    assert_eq!(site.git(&site.clone(), &["diff-files", "--name-only"]), "");
    assert!(site.git(&site.clone(), &["reflog"]).contains("flowdeck playbooks update"));
    assert_eq!(site.git(&site.clone(), &["rev-parse", "origin/main"]), site.head(&site.upstream()));
}

#[test]
fn a_check_tells_and_changes_nothing() {
    let site = Site::with(&[("a.ipynb", &notebook("1.0.0")), ("b.ipynb", "b"), ("c.txt", "c"), ("d.ipynb", "d")]);
    site.publish(&[
        ("a.ipynb", &notebook("1.1.0")),
        ("b.ipynb", ""),
        ("new.ipynb", &notebook("0.1.0")),
        ("c.txt", "C"),
    ]);
    site.write("a.ipynb", "edited");
    site.write("d.ipynb", "edited too");
    let before = snapshot(&site.clone());
    let plan = site.plan();
    let after = snapshot(&site.clone());
    let outside: Vec<_> = after.iter().filter(|(path, _)| !path.to_string_lossy().contains("/.git/")).collect();
    assert!(outside.iter().all(|(path, text)| before.get(*path) == Some(*text)));
    assert_eq!(before.get(&site.clone().join(".git/index")), after.get(&site.clone().join(".git/index")));

    let version = |text: &str| Some(text.to_owned());
    let change = |path: &str, kind, versions| Change { path: path.to_owned(), kind, versions };
    assert_eq!(
        plan.changes,
        [
            change("a.ipynb", ChangeKind::Changed, [version("1.0.0"), version("1.1.0")]),
            change("b.ipynb", ChangeKind::Removed, [None, None]),
            change("c.txt", ChangeKind::Changed, [None, None]),
            change("new.ipynb", ChangeKind::New, [None, version("0.1.0")]),
        ]
    );
    let edit = |path: &str, is_replaced| Edit { path: path.to_owned(), is_removed: false, is_replaced };
    assert_eq!(plan.edits, [edit("a.ipynb", true), edit("d.ipynb", false)]);
    assert!(plan.text().contains("  changed  a.ipynb  1.0.0 -> 1.1.0\n"), "{}", plan.text());
    assert!(!plan.is_up_to_date());
}

#[test]
fn what_a_person_changed_is_kept_aside_or_left() {
    let site = Site::with(&[("a.ipynb", "a"), ("b.ipynb", "b"), ("c.ipynb", "c"), ("d.ipynb", "d"), ("e.ipynb", "e")]);
    site.publish(&[("a.ipynb", "A"), ("c.ipynb", ""), ("d.ipynb", "D")]);
    site.write("a.ipynb", "mine");
    site.write("b.ipynb", "mine, and the upstream did not touch it");
    site.write("c.ipynb", "mine, and the upstream removed it");
    fs::remove_file(site.clone().join("d.ipynb")).unwrap();
    fs::remove_file(site.clone().join("e.ipynb")).unwrap();
    site.write("untracked.ipynb", "nobody's");

    let (updated, said) = site.update();
    let kept = updated.kept.unwrap();
    assert_eq!(site.text(kept.join("a.ipynb")), "mine");
    assert_eq!(site.text(kept.join("c.ipynb")), "mine, and the upstream removed it");
    assert_eq!((site.text("a.ipynb"), site.text("d.ipynb")), ("A".into(), "D".into()));
    assert_eq!(site.text("b.ipynb"), "mine, and the upstream did not touch it");
    assert!(!site.clone().join("e.ipynb").exists() && !site.clone().join("c.ipynb").exists());
    assert_eq!(site.status(), " M b.ipynb\n D e.ipynb\n?? untracked.ipynb", "local-changes is none of git's business");
    let place = kept.display();
    assert!(said.contains(&format!("a.ipynb was changed here; what it was is now {place}/a.ipynb")), "{said:?}");

    let (updated, _) = site.try_update(true).unwrap();
    assert_eq!(site.text(updated.kept.unwrap().join("b.ipynb")), "mine, and the upstream did not touch it");
    assert_eq!((site.text("b.ipynb"), site.text("e.ipynb")), ("b".into(), "e".into()));
    assert_eq!(site.status(), "?? untracked.ipynb");
}

#[test]
fn what_is_staged_and_lies_nowhere_else_is_kept() {
    let site = Site::with(&[("a.ipynb", "a"), ("b.ipynb", "b")]);
    site.publish(&[("a.ipynb", "A")]);
    site.write("a.ipynb", "staged");
    site.write("new.ipynb", "added");
    site.git(&site.clone(), &["add", "-A"]);
    site.write("a.ipynb", "on the disk");
    let (updated, _) = site.update();
    let kept = updated.kept.unwrap();
    assert_eq!(site.text(kept.join("staged/a.ipynb")), "staged");
    assert_eq!(site.text(kept.join("a.ipynb")), "on the disk");
    assert_eq!((site.text("new.ipynb"), site.text("a.ipynb")), ("added".into(), "A".into()));
    assert_eq!(site.status(), "?? new.ipynb");
}

#[test]
fn commits_of_the_clone_get_a_branch() {
    let site = Site::with(&[("a.ipynb", "a")]);
    site.write("mine.ipynb", "mine");
    site.commit(&site.clone());
    let mine = site.head(&site.clone());
    site.publish(&[("b.ipynb", "b")]);
    let plan = site.plan();
    assert_eq!((plan.commits, plan.is_rewritten), (1, false));
    let (updated, _) = site.update();
    site.assert_clean();
    let branch = updated.branch.unwrap();
    assert_eq!(site.git(&site.clone(), &["rev-parse", &branch]), mine);
    assert_eq!(site.git(&site.clone(), &["rev-parse", "--abbrev-ref", "HEAD"]), "main");
    assert!(!site.clone().join("mine.ipynb").exists());
    assert_eq!(site.update().0.branch, None);
}

#[test]
fn an_upstream_that_was_rewritten() {
    let site = Site::with(&[("a.ipynb", "a")]);
    site.publish(&[("b.ipynb", "b")]);
    site.update();
    site.git(&site.upstream(), &["reset", "-q", "--hard", "HEAD~1"]);
    site.publish(&[("c.ipynb", "c")]);
    assert!(site.plan().is_rewritten);
    let (updated, said) = site.update();
    site.assert_clean();
    assert_eq!(updated.branch, None, "what the upstream had is not ours");
    assert!(said.iter().any(|line| line.contains("written anew")), "{said:?}");

    site.write("mine.ipynb", "mine");
    site.commit(&site.clone());
    let mine = site.head(&site.clone());
    site.git(&site.upstream(), &["reset", "-q", "--hard", "HEAD~1"]);
    site.publish(&[("d.ipynb", "d")]);
    let (updated, _) = site.update();
    site.assert_clean();
    assert_eq!(site.git(&site.clone(), &["rev-parse", &updated.branch.unwrap()]), mine);
}

#[test]
fn without_the_upstream_nothing_changes() {
    let site = Site::with(&[("a.ipynb", "a")]);
    site.write("a.ipynb", "mine");
    fs::rename(site.upstream(), site.upstream().with_file_name("away")).unwrap();
    let before = snapshot(&site.clone());
    let fault = site.checkout().fetch(&AtomicBool::new(false)).unwrap_err();
    assert!(matches!(fault, Fault::Unreachable { .. }), "{fault:?}");
    assert!(fault.to_string().ends_with("nothing was changed") && fault.hint().is_some(), "{fault}");
    assert_eq!(before, snapshot(&site.clone()));

    // Nobody listens at that port; name and password are not told.
    let address = "http://somebody:hunter2@127.0.0.1:9/playbooks.git";
    site.git(&site.clone(), &["remote", "set-url", "origin", address]);
    let fault = site.checkout().fetch(&AtomicBool::new(false)).unwrap_err().to_string();
    assert!(fault.contains("http://127.0.0.1:9/playbooks.git") && !fault.contains("hunter2"), "{fault}");
    site.git(&site.clone(), &["remote", "remove", "origin"]);
    let opened = playbooks::Checkout::open(&site.clone(), playbooks::checkout::Asking::Nobody);
    assert!(matches!(opened.err(), Some(Fault::NoUpstream(_))));
}

#[test]
fn a_detached_head_and_a_branch_of_ones_own() {
    let site = Site::with(&[("a.ipynb", "a")]);
    site.git(&site.clone(), &["checkout", "-q", "--detach"]);
    site.publish(&[("a.ipynb", "A")]);
    site.update();
    site.assert_clean();
    assert_eq!(site.git(&site.clone(), &["rev-parse", "--abbrev-ref", "HEAD"]), "HEAD");

    site.write("mine.ipynb", "mine");
    site.commit(&site.clone());
    let mine = site.head(&site.clone());
    site.publish(&[("b.ipynb", "b")]);
    let branch = site.update().0.branch.unwrap();
    assert_eq!(site.git(&site.clone(), &["rev-parse", &branch]), mine);

    site.git(&site.clone(), &["checkout", "-q", "-b", "topic", "--no-track"]);
    site.publish(&[("c.ipynb", "c")]);
    let fault = site.checkout().fetch(&AtomicBool::new(false)).unwrap_err();
    assert!(matches!(&fault, Fault::NoBranch { branch, .. } if branch == "topic"), "{fault:?}");
    site.git(&site.clone(), &["branch", "-q", "--set-upstream-to=origin/main"]);
    site.update();
    site.assert_clean();
    assert_eq!(site.git(&site.clone(), &["rev-parse", "--abbrev-ref", "HEAD"]), "topic");
}

#[test]
fn what_stands_in_the_way_is_kept_and_links_are_not_followed() {
    let site = Site::with(&[("a.ipynb", "a")]);
    let elsewhere = site.elsewhere();
    write(&elsewhere.join("precious"), "precious");
    site.publish(&[
        ("file-in-the-way", "1"),
        ("folder-in-the-way", "2"),
        ("needs-folder/x", "3"),
        ("linked/precious", "4"),
        ("link-in-the-way", "5"),
        ("same", "6"),
    ]);
    site.write("file-in-the-way", "mine");
    site.write("folder-in-the-way/sub/deep", "mine too");
    site.write("folder-in-the-way/.hidden", "hidden");
    site.write("needs-folder", "a file");
    site.write("same", "6");
    symlink(&elsewhere, site.clone().join("linked")).unwrap();
    symlink(elsewhere.join("precious"), site.clone().join("link-in-the-way")).unwrap();

    let edits: Vec<String> = site.plan().edits.into_iter().map(|edit| edit.path).collect();
    let wanted = [
        "file-in-the-way",
        "folder-in-the-way/.hidden",
        "folder-in-the-way/sub/deep",
        "link-in-the-way",
        "linked",
        "needs-folder",
    ];
    assert_eq!(edits, wanted);
    let kept = site.update().0.kept.unwrap();
    site.assert_clean();
    assert_eq!(site.text(kept.join("file-in-the-way")), "mine");
    assert_eq!(site.text(kept.join("folder-in-the-way/sub/deep")), "mine too");
    assert_eq!(site.text(kept.join("folder-in-the-way/.hidden")), "hidden");
    assert_eq!(site.text(kept.join("needs-folder")), "a file");
    assert!(!site.clone().join(&kept).join("same").exists());
    assert_eq!(fs::read_link(site.clone().join(&kept).join("linked")).unwrap(), elsewhere);
    assert_eq!(fs::read_to_string(elsewhere.join("precious")).unwrap(), "precious");
    assert_eq!(fs::read_dir(&elsewhere).unwrap().count(), 1);
    assert_eq!((site.text("linked/precious"), site.text("link-in-the-way")), ("4".into(), "5".into()));
}

#[test]
fn a_folder_that_a_person_replaced_by_a_link_stays() {
    let site = Site::with(&[("data/x.csv", "x"), ("a.ipynb", "a")]);
    let elsewhere = site.elsewhere();
    fs::remove_dir_all(site.clone().join("data")).unwrap();
    symlink(&elsewhere, site.clone().join("data")).unwrap();
    site.publish(&[("a.ipynb", "A")]);
    let (updated, _) = site.update();
    assert_eq!(updated.kept, None);
    assert!(site.clone().join("data").is_symlink() && site.text("a.ipynb") == "A");
    assert_eq!(fs::read_dir(&elsewhere).unwrap().count(), 0);
}

#[test]
fn an_interrupted_update_is_completed() {
    let site = Site::with(&[("a.ipynb", "a"), ("b.ipynb", "b"), ("c.ipynb", "c"), ("d.ipynb", "d")]);
    site.publish(&[("a.ipynb", "A"), ("b.ipynb", ""), ("c.ipynb", "C"), ("new.ipynb", "new")]);
    let half = site.head(&site.upstream());
    site.plan();
    // As a run leaves it that is killed between two files: the journal is there, HEAD and index are as before.
    site.write(".git/flowdeck-update", &half);
    site.write("a.ipynb", "A");
    site.write("new.ipynb", "new");
    site.write(".flowdeck-update-4711", "half a fi");
    fs::remove_file(site.clone().join("b.ipynb")).unwrap();
    site.write("d.ipynb", "mine");
    // Meanwhile the upstream went on.
    site.publish(&[("a.ipynb", "AA"), ("b.ipynb", "back again"), ("d.ipynb", "D"), ("new.ipynb", "")]);

    let (updated, said) = site.update();
    site.assert_clean();
    assert!(said[0].contains("was interrupted"), "{said:?}");
    let kept = updated.kept.unwrap();
    assert_eq!(site.text(kept.join("d.ipynb")), "mine");
    assert_eq!(fs::read_dir(site.clone().join(&kept)).unwrap().count(), 1, "what the first run wrote is nobody's work");
    assert_eq!(site.text("b.ipynb"), "back again");
}

#[test]
fn a_file_that_is_saved_during_the_update_is_kept_too() {
    let site = Site::with(&[("a.ipynb", "a"), ("b.ipynb", "b")]);
    site.publish(&[("a.ipynb", "A"), ("b.ipynb", "B")]);
    site.write("a.ipynb", "mine");
    let (checkout, fetched) = site.fetched();
    let notebook = site.clone().join("b.ipynb");
    let said = Mutex::new(Vec::new());
    let updated = update::run(&checkout, &fetched, false, &AtomicBool::new(false), &|_, text: &str| {
        // After a.ipynb was copied aside, and before anything is replaced: a page saves its notebook.
        if text.starts_with("a.ipynb was changed here") {
            fs::write(&notebook, "saved by a page").unwrap();
        }
        said.lock().unwrap().push(text.to_owned());
    })
    .unwrap();
    site.assert_clean();
    let kept = updated.kept.unwrap();
    assert_eq!(site.text(kept.join("a.ipynb")), "mine");
    assert_eq!(site.text(kept.join("b.ipynb")), "saved by a page");
    let said = said.into_inner().unwrap();
    assert!(said.iter().any(|line| line.starts_with("b.ipynb was changed meanwhile")), "{said:?}");
}

#[test]
fn an_update_that_is_stopped_before_it_writes_changes_nothing() {
    let site = Site::with(&[("a.ipynb", "a")]);
    site.publish(&[("a.ipynb", "A")]);
    let (checkout, fetched) = site.fetched();
    let before = snapshot(&site.clone());
    let stopped = update::run(&checkout, &fetched, false, &AtomicBool::new(true), &|_, _| ());
    assert!(matches!(stopped, Err(Fault::Stopped)), "{stopped:?}");
    let is_lock = |path: &Path| path.ends_with("flowdeck-update.lock");
    let after = snapshot(&site.clone());
    assert!(after.iter().filter(|(path, _)| !is_lock(path)).eq(before.iter().filter(|(path, _)| !is_lock(path))));
}

#[test]
fn what_git_looks_after_in_clones_below_the_folder_is_not_offered_for_removal() {
    let site = Site::with(&[("a.ipynb", &notebook("1.0.0")), ("data/scans/b.csv", "1")]);
    let both = site.clone().parent().unwrap().canonicalize().unwrap();
    assert_eq!(playbooks::duplicates::find(&both).unwrap(), [], "upstream and clone have the same notebook");
    assert_eq!(playbooks::data::find(&both, &Default::default(), std::time::SystemTime::now()).unwrap(), []);
}

#[test]
fn a_clone_without_its_history() {
    let site = Site::with(&[("a.ipynb", "a")]);
    site.publish(&[("b.ipynb", "b")]);
    fs::remove_dir_all(site.clone()).unwrap();
    let address = format!("file://{}", site.upstream().display());
    site.git(&site.upstream(), &["clone", "-q", "--depth", "1", &address, site.clone().to_str().unwrap()]);
    site.publish(&[("a.ipynb", "A")]);
    site.publish(&[("c.ipynb", "c")]);
    let (updated, _) = site.update();
    site.assert_clean();
    assert_eq!(updated.branch, None);
}

#[test]
fn line_ends_are_those_that_the_upstream_asks_for() {
    let site = Site::with(&[("a.txt", "one\ntwo\n")]);
    site.publish(&[(".gitattributes", "*.txt eol=crlf\n"), ("b.txt", "three\n")]);
    site.update();
    assert_eq!(fs::read(site.clone().join("b.txt")).unwrap(), b"three\r\n");
    assert_eq!(site.head(&site.clone()), site.head(&site.upstream()));
    assert_eq!(site.plan().edits, []);
}

#[test]
fn a_tree_that_leads_into_the_repository_is_refused() {
    let site = Site::with(&[("a.ipynb", "a")]);
    let up = site.upstream();
    write(&up.join("hook"), "#!/bin/sh\n");
    let blob = site.git(&up, &["hash-object", "-w", "hook"]);
    let tree = |entry: &str, name: &str| -> String {
        write(&site.elsewhere().join("tree"), &format!("{entry}\t{name}\n"));
        let input = fs::File::open(site.elsewhere().join("tree")).unwrap();
        let output = std::process::Command::new("git").arg("mktree").current_dir(&up).stdin(input).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    let hooks = tree(&format!("100755 blob {blob}"), "post-checkout");
    let inner = tree(&format!("040000 tree {hooks}"), "hooks");
    for name in [".git", ".GIT", "git~1"] {
        let outer = tree(&format!("040000 tree {inner}"), name);
        let commit = site.git(&up, &["commit-tree", "-p", "HEAD", "-m", "hostile", &outer]);
        site.git(&up, &["update-ref", "refs/heads/main", &commit]);
        let refused = site.try_update(false);
        assert!(refused.is_err() || name != ".git", "{name}");
        assert!(!site.clone().join(".git/hooks/post-checkout").exists());
    }
}

#[test]
fn two_updates_do_not_meet_and_a_merge_is_not_disturbed() {
    let site = Site::with(&[("a.ipynb", "a")]);
    site.publish(&[("a.ipynb", "A")]);
    let lock = fs::File::create(site.clone().join(".git/flowdeck-update.lock")).unwrap();
    lock.lock().unwrap();
    assert!(matches!(site.try_update(false), Err(Fault::Busy(_))));
    drop(lock);
    write(&site.clone().join(".git/MERGE_HEAD"), &site.head(&site.clone()));
    assert!(matches!(site.try_update(false), Err(Fault::UnderWay { .. })));
    assert_eq!(site.text("a.ipynb"), "a");
}

#[test]
fn the_folder_of_a_worktree_below_the_clone_is_enough() {
    let site = Site::with(&[("notebooks/a.ipynb", "a"), ("README", "r")]);
    site.publish(&[("notebooks/a.ipynb", "A"), ("README", "R")]);
    let checkout =
        playbooks::Checkout::open(&site.clone().join("notebooks"), playbooks::checkout::Asking::Nobody).unwrap();
    assert_eq!(checkout.root(), site.clone().canonicalize().unwrap());
    let nowhere = site.elsewhere();
    let fault = playbooks::Checkout::open(&nowhere, playbooks::checkout::Asking::Nobody).err().unwrap();
    assert!(matches!(fault, Fault::NoRepository { .. }) && fault.hint().is_some());
    assert!(playbooks::Checkout::open(Path::new("/does/not/exist"), playbooks::checkout::Asking::Nobody).is_err());
}
