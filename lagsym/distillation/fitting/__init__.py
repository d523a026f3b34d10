"""Fitting: constants from the measured motion, those inside terms by the weak form, all of them by shooting."""
