// Before anything is painted: the theme that was chosen here, if one was. Otherwise the system's is followed.
(() => {
  try {
    const theme = localStorage.getItem("lt-theme");
    if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
  } catch {
    // A file opened from a disk may have no storage: the system's theme it is.
  }
})();
