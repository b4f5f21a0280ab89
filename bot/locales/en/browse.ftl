# browse
