"""What a law predicts on data that neither fitting nor choosing saw: of particles, and of fields."""

from lagsym.validation.fields import FieldValidation, validate_field
from lagsym.validation.particles import Validation, unconstrained_r2, validate

__all__ = ["FieldValidation", "Validation", "unconstrained_r2", "validate", "validate_field"]
