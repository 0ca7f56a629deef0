"""What the section of one trial shows beside its charts of finality and clocks."""
