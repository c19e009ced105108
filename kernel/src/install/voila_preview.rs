//! On request: JupyterLab opens notebooks in Voilà's preview instead of showing their code.
//!
//! A file of our own among the defaults of a JupyterLab. What a person or an operator has set otherwise stands in other files, is
//! not touched, and wins; taking it back removes the file.

use std::{fs, io::ErrorKind, path::Path};

use anyhow::{Context, Result};

/// Where a JupyterLab looks for defaults that packages bring, below the prefix of its environment.
const FILE: &str = "share/jupyter/lab/settings/overrides.d/flowdeck.json";

/// The preview, below the same prefix. Voilà brings it.
const EXTENSION: &str = "share/jupyter/labextensions/@voila-dashboards/jupyterlab-preview";

/// The viewer as its extension names it, for files that JupyterLab calls `notebook`.
const SETTINGS: &str = r#"{
  "@jupyterlab/docmanager-extension:plugin": {
    "defaultViewers": { "notebook": "Voila Preview" }
  }
}
"#;

/// Makes the preview the viewer of notebooks in the JupyterLab of this prefix; gives lines about what that means.
///
/// # Errors
/// When the file cannot be written.
pub(super) fn set(prefix: &Path) -> Result<Vec<String>> {
    let file = prefix.join(FILE);
    let cannot = || format!("cannot write {}", file.display());
    fs::create_dir_all(file.parent().unwrap_or(prefix)).with_context(cannot)?;
    fs::write(&file, SETTINGS).with_context(cannot)?;
    let mut lines = vec![format!(
        "JupyterLab will open all notebooks in Voilà's preview ({}); `Open With` shows their code, and \
         `flowdeck install --no-voila-preview` takes it back",
        file.display()
    )];
    if !prefix.join(EXTENSION).is_dir() {
        lines.push(
            "note: there is no Voilà in that environment yet; JupyterLab shows notebooks as before until there is"
                .to_owned(),
        );
    }
    Ok(lines)
}

/// Takes it back.
///
/// # Errors
/// When the file is there and cannot be removed.
pub(super) fn unset(prefix: &Path) -> Result<Vec<String>> {
    let file = prefix.join(FILE);
    match fs::remove_file(&file) {
        Ok(()) => Ok(vec!["JupyterLab will open notebooks as it did before".to_owned()]),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            Ok(vec!["JupyterLab was not told to open notebooks otherwise".to_owned()])
        }
        Err(error) => Err(error).with_context(|| format!("cannot remove {}", file.display())),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn other_settings_stay_as_they_are() {
        let prefix = tempfile::tempdir().unwrap();
        let settings = prefix.path().join("share/jupyter/lab/settings");
        fs::create_dir_all(&settings).unwrap();
        let own = settings.join("overrides.json");
        fs::write(&own, "{ \"a:b\": {} }").unwrap();
        assert_eq!(set(prefix.path()).unwrap().len(), 2, "and that there is no Voilà");
        let written: serde_json::Value =
            serde_json::from_str(&fs::read_to_string(prefix.path().join(FILE)).unwrap()).unwrap();
        assert_eq!(written["@jupyterlab/docmanager-extension:plugin"]["defaultViewers"]["notebook"], "Voila Preview");
        assert_eq!(fs::read_to_string(&own).unwrap(), "{ \"a:b\": {} }");
        unset(prefix.path()).unwrap();
        assert!(!prefix.path().join(FILE).exists() && own.exists());
        assert!(unset(prefix.path()).unwrap()[0].contains("was not told"));
    }
}
